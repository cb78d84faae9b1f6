# PostgreSQL with duplicate_guard, on the official image:
#
#   docker build --build-arg PG_MAJOR=17 -t postgres-duplicate-guard .
#
# CREATE EXTENSION duplicate_guard is left to each database.
ARG PG_MAJOR=17

FROM postgres:${PG_MAJOR} AS build
ARG PG_MAJOR
RUN apt-get update && \
    apt-get install -y --no-install-recommends gcc libc6-dev make "postgresql-server-dev-${PG_MAJOR}"
COPY . /src
RUN make -C /src install with_llvm=no DESTDIR=/installed

FROM postgres:${PG_MAJOR}
COPY --from=build /installed /
# Only integrity_error_stats and the settings need it.
CMD ["postgres", "-c", "shared_preload_libraries=duplicate_guard"]
