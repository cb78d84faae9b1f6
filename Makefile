# duplicate_guard: built with PGXS, so that make, make install and
# make installcheck PG_CONFIG=... work as for any PostgreSQL extension.
#
# make demo   the main job on real data, on a private throw-away server
# make test   every test, on a private throw-away server
# make test-faults  only what happens to servers and sessions, t/06* and t/07*
# make test-clients  every driver and ORM in clients/; CLIENTS="django jdbc"
# make bench  contenders side by side; make bench SCENARIO=hit ROUNDS=50;
#             make bench QUICK=1
# make bench-hooks  what last_integrity_error() costs where there is no error
# make dist   the archive for PGXN, of the tag of this version
# make lint   what CI checks besides the tests
# make format lays the C code out as the lint wants it
# These nine need neither PGXS nor a server beforehand: they install what is
# missing.  Variables go on to the tests: make test REGRESS=topic ISOLATION=

EXTENSION = duplicate_guard
MODULE_big = duplicate_guard
DATA = duplicate_guard--1.0.sql
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c)))

# A topic named ..._since_18 is about what older servers do not have.
TOO_NEW = $(shell seq -f %%_since_%g $$(($(MAJORVERSION) + 1)) 19)
REGRESS = $(filter-out $(TOO_NEW),$(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql))))
ISOLATION = $(patsubst specs/%.spec,%,$(sort $(wildcard specs/*.spec)))
ISOLATION_OPTS = --load-extension=duplicate_guard
TAP_TESTS = 1

OWN_GOALS = demo test test-clients test-faults bench bench-hooks dist lint format
DISTVERSION := $(shell sed -n "s/^default_version = '\(.*\)'$$/\1.0/p" $(EXTENSION).control)
PG_CONFIG ?= pg_config

# Without a goal of PGXS's own, PGXS need not be there yet.  Debian has it in the
# client's package, but the headers in postgresql-server-dev-NN.
ifneq (,$(filter-out $(OWN_GOALS),$(or $(MAKECMDGOALS),all)))
PGXS := $(shell $(PG_CONFIG) --pgxs)
SERVER_HEADER := $(shell $(PG_CONFIG) --includedir-server)/postgres.h
ifeq (,$(and $(wildcard $(PGXS)),$(wildcard $(SERVER_HEADER))))
$(error PGXS or the server's headers not found; install the server's development files (Debian: postgresql-server-dev-NN) or name another PostgreSQL with PG_CONFIG=/path/to/pg_config. "make test" and "make demo" install what they need)
endif
include $(PGXS)

# PGXS up to 15 tracks no headers.
$(OBJS): $(wildcard src/*.h)
endif

.PHONY: $(OWN_GOALS)

demo:
	@dev/server demo/run

test:
	@dev/setup test >/dev/null
	@dev/server dev/test $(filter-out PG_CONFIG=%,$(MAKEOVERRIDES))

test-clients:
	@dev/setup clients $(CLIENTS) >/dev/null
	@dev/server clients/run $(CLIENTS)

test-faults:
	@dev/setup test >/dev/null
	@dev/server dev/test REGRESS= ISOLATION= PROVE_TESTS='$(sort $(wildcard t/06*.pl t/07*.pl))'

bench:
	@bench/all $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(QUICK),--quick) $(SCENARIO)

bench-hooks:
	@dev/server bench/capture $(ROUNDS)

dist:
	@git rev-parse -q --verify 'v$(DISTVERSION)^{commit}' >/dev/null || \
		{ echo "There is no tag v$(DISTVERSION) to make the archive of" >&2; exit 1; }
	git archive --format=zip --prefix=$(EXTENSION)-$(DISTVERSION)/ \
		-o $(EXTENSION)-$(DISTVERSION).zip v$(DISTVERSION)

lint:
	@dev/setup lint >/dev/null
	@dev/server dev/lint

format:
	@dev/setup lint >/dev/null
	@dev/format
