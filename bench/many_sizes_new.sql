--: title get_or_create_many: 1,000,000 new rows into an empty table, in batches of several sizes
--: rows 1000000
--: rounds 2

--: setup
DROP TABLE IF EXISTS fresh_product;
CREATE TABLE fresh_product (LIKE product INCLUDING ALL);
DROP TABLE IF EXISTS batch_100;
CREATE TABLE batch_100 AS
SELECT jsonb_agg(jsonb_build_object('name', 'product ' || to_char(i, 'FM0000000'), 'price', i % 1000)
				 ORDER BY hashint4(i)) AS rows
FROM generate_series(1000001, 2000000) AS i GROUP BY (i - 1000001) / 100;
DROP TABLE IF EXISTS batch_1000;
CREATE TABLE batch_1000 AS
SELECT jsonb_agg(jsonb_build_object('name', 'product ' || to_char(i, 'FM0000000'), 'price', i % 1000)
				 ORDER BY hashint4(i)) AS rows
FROM generate_series(1000001, 2000000) AS i GROUP BY (i - 1000001) / 1000;
DROP TABLE IF EXISTS batch_10000;
CREATE TABLE batch_10000 AS
SELECT jsonb_agg(jsonb_build_object('name', 'product ' || to_char(i, 'FM0000000'), 'price', i % 1000)
				 ORDER BY hashint4(i)) AS rows
FROM generate_series(1000001, 2000000) AS i GROUP BY (i - 1000001) / 10000;
DROP TABLE IF EXISTS batch_100000;
CREATE TABLE batch_100000 AS
SELECT jsonb_agg(jsonb_build_object('name', 'product ' || to_char(i, 'FM0000000'), 'price', i % 1000)
				 ORDER BY hashint4(i)) AS rows
FROM generate_series(1000001, 2000000) AS i GROUP BY (i - 1000001) / 100000;
DROP TABLE IF EXISTS batch_1000000;
CREATE TABLE batch_1000000 AS
SELECT jsonb_agg(jsonb_build_object('name', 'product ' || to_char(i, 'FM0000000'), 'price', i % 1000)
				 ORDER BY hashint4(i)) AS rows
FROM generate_series(1000001, 2000000) AS i GROUP BY (i - 1000001) / 1000000;

--: after
TRUNCATE fresh_product;

--: contender batches of 100
--: answer 1000000
SELECT count(g.record) FROM batch_100, LATERAL get_or_create_many(NULL::fresh_product, rows, '{name}') AS g

--: contender batches of 1,000
--: answer 1000000
SELECT count(g.record) FROM batch_1000, LATERAL get_or_create_many(NULL::fresh_product, rows, '{name}') AS g

--: contender batches of 10,000
--: answer 1000000
SELECT count(g.record) FROM batch_10000, LATERAL get_or_create_many(NULL::fresh_product, rows, '{name}') AS g

--: contender batches of 100,000
--: answer 1000000
SELECT count(g.record) FROM batch_100000, LATERAL get_or_create_many(NULL::fresh_product, rows, '{name}') AS g

--: contender batches of 1,000,000
--: answer 1000000
SELECT count(g.record) FROM batch_1000000, LATERAL get_or_create_many(NULL::fresh_product, rows, '{name}') AS g

--: compare batches of 10,000
