# duplicate_guard: built with PGXS, so that make, make install and
# make installcheck PG_CONFIG=... work as for any PostgreSQL extension.

EXTENSION = duplicate_guard
MODULE_big = duplicate_guard
DATA = duplicate_guard--1.0.sql
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c)))

REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
ISOLATION = $(patsubst specs/%.spec,%,$(sort $(wildcard specs/*.spec)))
ISOLATION_OPTS = --load-extension=duplicate_guard
TAP_TESTS = 1

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# PGXS up to 15 tracks no headers.
$(OBJS): $(wildcard src/*.h)
