--: title A hit among ever more rows: 10,000 keys, scattered over a slim table
--: rows 10000
--: rounds 21

-- Of the largest table the keys are the same number, so its pages and those of
-- the upper levels of its index miss the processor's caches, for both.
--: setup
DROP TABLE IF EXISTS slim_1e4, key_1e4;
CREATE TABLE slim_1e4 AS SELECT i AS id, i % 100 AS size FROM generate_series(1, 10000) AS i;
ALTER TABLE slim_1e4 ADD PRIMARY KEY (id);
CREATE TABLE key_1e4 AS
SELECT i AS id FROM generate_series(1, 10000, 1) AS i ORDER BY hashint4(i);
VACUUM (FREEZE, ANALYZE) slim_1e4, key_1e4;
DROP TABLE IF EXISTS slim_1e5, key_1e5;
CREATE TABLE slim_1e5 AS SELECT i AS id, i % 100 AS size FROM generate_series(1, 100000) AS i;
ALTER TABLE slim_1e5 ADD PRIMARY KEY (id);
CREATE TABLE key_1e5 AS
SELECT i AS id FROM generate_series(10, 100000, 10) AS i ORDER BY hashint4(i);
VACUUM (FREEZE, ANALYZE) slim_1e5, key_1e5;
DROP TABLE IF EXISTS slim_1e6, key_1e6;
CREATE TABLE slim_1e6 AS SELECT i AS id, i % 100 AS size FROM generate_series(1, 1000000) AS i;
ALTER TABLE slim_1e6 ADD PRIMARY KEY (id);
CREATE TABLE key_1e6 AS
SELECT i AS id FROM generate_series(100, 1000000, 100) AS i ORDER BY hashint4(i);
VACUUM (FREEZE, ANALYZE) slim_1e6, key_1e6;
DROP TABLE IF EXISTS slim_1e7, key_1e7;
CREATE TABLE slim_1e7 AS SELECT i AS id, i % 100 AS size FROM generate_series(1, 10000000) AS i;
ALTER TABLE slim_1e7 ADD PRIMARY KEY (id);
CREATE TABLE key_1e7 AS
SELECT i AS id FROM generate_series(1000, 10000000, 1000) AS i ORDER BY hashint4(i);
VACUUM (FREEZE, ANALYZE) slim_1e7, key_1e7;

--: contender index join, 10,000 rows
--: plan Nested Loop.*Seq Scan on key_1e4.*Index Scan using slim_1e4_pkey
--: answer 10000
--: set enable_hashjoin = off
--: set enable_mergejoin = off
--: set enable_memoize = off
SELECT count(s.size) FROM key_1e4 AS k JOIN slim_1e4 AS s ON s.id = k.id

--: contender get_or_create, 10,000 rows
--: answer 10000
SELECT count((g.record).size)
FROM key_1e4 AS k, LATERAL get_or_create(NULL::slim_1e4, jsonb_build_object('id', k.id)) AS g

--: contender index join, 100,000 rows
--: plan Nested Loop.*Seq Scan on key_1e5.*Index Scan using slim_1e5_pkey
--: answer 10000
--: set enable_hashjoin = off
--: set enable_mergejoin = off
--: set enable_memoize = off
SELECT count(s.size) FROM key_1e5 AS k JOIN slim_1e5 AS s ON s.id = k.id

--: contender get_or_create, 100,000 rows
--: answer 10000
SELECT count((g.record).size)
FROM key_1e5 AS k, LATERAL get_or_create(NULL::slim_1e5, jsonb_build_object('id', k.id)) AS g

--: contender index join, 1,000,000 rows
--: plan Nested Loop.*Seq Scan on key_1e6.*Index Scan using slim_1e6_pkey
--: answer 10000
--: set enable_hashjoin = off
--: set enable_mergejoin = off
--: set enable_memoize = off
SELECT count(s.size) FROM key_1e6 AS k JOIN slim_1e6 AS s ON s.id = k.id

--: contender get_or_create, 1,000,000 rows
--: answer 10000
SELECT count((g.record).size)
FROM key_1e6 AS k, LATERAL get_or_create(NULL::slim_1e6, jsonb_build_object('id', k.id)) AS g

--: contender index join, 10,000,000 rows
--: plan Nested Loop.*Seq Scan on key_1e7.*Index Scan using slim_1e7_pkey
--: answer 10000
--: set enable_hashjoin = off
--: set enable_mergejoin = off
--: set enable_memoize = off
SELECT count(s.size) FROM key_1e7 AS k JOIN slim_1e7 AS s ON s.id = k.id

--: contender get_or_create, 10,000,000 rows
--: answer 10000
SELECT count((g.record).size)
FROM key_1e7 AS k, LATERAL get_or_create(NULL::slim_1e7, jsonb_build_object('id', k.id)) AS g

--: target get_or_create, 10,000,000 rows / get_or_create, 10,000 rows <= 1.00 index join, 10,000,000 rows / index join, 10,000 rows
