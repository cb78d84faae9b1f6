// duplicate_guard from Knex, by example.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import createKnex from 'knex';
import { classifyIntegrityError, getOrCreate, isIntegrityError, json } from './guard.js';

const knex = createKnex({ client: 'pg', connection: {} }); // PGHOST, PGDATABASE, ...
after(() => knex.destroy());

// ----- the row, and whether it is new ----------------------------------------

test('getOrCreate gives the row and a flag', async () => {
  const [product, created] = await getOrCreate(
    knex, 'products', { name: 'xiomi_mi12' }, { price: '199.90' });
  assert.ok(created);
  assert.equal(product.price, '199.90');

  const [again, createdAgain] = await getOrCreate(
    knex, 'products', { name: 'xiomi_mi12' }, { price: '249.90' });
  assert.ok(!createdAgain);
  assert.deepEqual(again, product);
});

test('it is one query', async () => {
  const { rows: [{ was_created: created, ...product }] } = await knex.raw(
    `SELECT (record).*, was_created
     FROM get_or_create(NULL::products, ?, ?)`,
    [{ name: 'xiomi_mi12' }, { price: '249.90' }]);
  assert.ok(!created);
  assert.equal(product.price, '199.90');
});

test('or the source of a query that is built', async () => {
  const product = await knex
    .first(knex.raw('(record).*'), 'was_created', 'categories.name as category')
    .from(knex.raw('get_or_create(NULL::products, ?)', [{ name: 'xiomi_mi12' }]))
    .leftJoin('categories', 'categories.id', knex.raw('(record).category_id'));
  assert.equal(product.was_created, false);
  assert.equal(product.category, null);
  assert.equal(product.price, '199.90');
});

test('values of all types go through', async () => {
  const values = {
    price: '12345678.90',
    sku: 'd9428888-122b-11e1-b85c-61cd3cbb3210',
    photo: Buffer.from('89504e4700ff', 'hex'),
    tags: ['green', 'with "quotes", commas', 'NULL', 'ünï'],
    properties: { size: [1, 2], deep: { null: null } },
    note: null,
    created_at: new Date('2024-02-29T23:59:59.123+02:00'),
  };
  const [product, created] = await getOrCreate(
    knex, 'products', { name: 'Ångström' }, values);
  assert.ok(created);
  for (const [column, value] of Object.entries(values)) {
    assert.deepEqual(product[column], value, column);
  }
});

// ----- in a transaction, and many at once ------------------------------------

test('in a transaction it is rolled back with the rest', async () => {
  await assert.rejects(
    knex.transaction(async (trx) => {
      const [, created] = await getOrCreate(trx, 'products', { name: 'undone' });
      assert.ok(created);
      throw new Error('changed my mind');
    }),
    /changed my mind/);
  assert.equal(await knex('products').where({ name: 'undone' }).first(), undefined);
});

test('eight tasks at once create each row once', async () => {
  const names = Array.from({ length: 20 }, (_, n) => `task ${n}`);

  const importNames = () => knex.transaction(async (trx) => {
    const answers = [];
    for (const name of names) {
      answers.push(await getOrCreate(trx, 'products', { name }));
    }
    assert.ok(await trx('products').first(), 'still usable');
    return answers;
  });

  const tasks = await Promise.all(Array.from({ length: 8 }, importNames));
  names.forEach((name, n) => {
    const answers = tasks.map((answersOfTask) => answersOfTask[n]);
    assert.equal(new Set(answers.map(([product]) => product.id)).size, 1);
    assert.equal(answers.filter(([, created]) => created).length, 1);
  });
});

// ----- errors as data --------------------------------------------------------

test('an integrity error becomes a message of the form', async () => {
  const errors = {};
  const form = { name: 'lamp', price: '-1' };

  await knex.transaction(async (trx) => {
    try {
      await trx.transaction((savepoint) => savepoint('products').insert(form));
    } catch (error) {
      // after the savepoint: in a failed transaction nothing can be called
      if (!isIntegrityError(error)) throw error;
      const problem = await classifyIntegrityError(trx, error);
      for (const column of problem.columns ?? ['form']) {
        errors[column] = problem.user_message;
      }
    }
  });
  assert.deepEqual(errors, { price: 'The price must not be negative.' });

  const error = await knex('products').insert({ name: 'xiomi_mi12' }).catch((e) => e);
  const problem = await classifyIntegrityError(knex, error);
  assert.equal(problem.kind, 'unique_violation');
  assert.equal(problem.http_status, 409);
  assert.deepEqual(problem.columns, ['name']);
  assert.deepEqual(problem.key_values, ['xiomi_mi12']);
  assert.equal(problem.user_message, 'A product with this name already exists.');
});

test('try_create gives the error instead of raising it', async () => {
  const form = { name: 'chair', price: '5.00', category_id: 7 };

  const { rows: [{ was_created, error, ...product }] } = await knex.raw(
    `SELECT (record).*, was_created, to_jsonb(error) AS error
     FROM try_create(NULL::products, ?)`,
    [form]);
  assert.ok(!was_created);
  assert.equal(product.id, null);
  assert.deepEqual(error.columns, ['category_id']);
  assert.equal(error.user_message, 'This category does not exist.');
});

test('find_conflicts tells everything that is wrong', async () => {
  const form = { name: 'xiomi_mi12', price: '-5', category_id: 7 };

  const conflicts = await knex
    .select('kind', 'columns')
    .from(knex.raw('find_conflicts(NULL::products, ?)', [form]));
  assert.deepEqual(conflicts, [
    { kind: 'check_violation', columns: ['price'] },
    { kind: 'unique_violation', columns: ['name'] },
    { kind: 'foreign_key_missing', columns: ['category_id'] },
  ]);
});

// ----- batches and updates ---------------------------------------------------

test('a batch is one call', async () => {
  const products = [
    { name: 'pen', price: '1.20' },
    { name: 'xiomi_mi12' },
    { name: 'pen' },
  ];
  const { rows } = await knex.raw(
    `SELECT (g.record).*, g.was_created
     FROM get_or_create_many(NULL::products, ?, ARRAY['name']) AS g
     ORDER BY g.ordinality`,
    [json(products)]);
  assert.deepEqual(rows.map((row) => row.was_created), [true, false, false]);
  assert.equal(rows[2].id, rows[0].id);
  assert.equal(rows[2].price, '1.20');
});

test('update_or_create writes only what differs', async () => {
  const setPrice = async (price) => {
    const { rows } = await knex.raw(
      `SELECT (record).price, was_created, was_updated
       FROM update_or_create(NULL::products, ?, ?)`,
      [{ name: 'desk' }, { price }]);
    return rows[0];
  };
  assert.deepEqual(await setPrice('90'),
    { price: '90.00', was_created: true, was_updated: false });
  assert.deepEqual(await setPrice('90'),
    { price: '90.00', was_created: false, was_updated: false });
  assert.deepEqual(await setPrice('95'),
    { price: '95.00', was_created: false, was_updated: true });
});

// ----- what bites ------------------------------------------------------------

const one = (sql, bindings) => knex.raw(sql, bindings).then(({ rows }) => rows[0]);

test('a ? is a binding, also where it is an operator', async () => {
  const query = (operator) => `SELECT (record).properties ${operator} 'size' AS sized
                               FROM get_or_create(NULL::products, ?)`;
  const lookup = { name: 'xiomi_mi12' };

  await assert.rejects(one(query('?'), [lookup]), /Expected 1 bindings, saw 2/);
  assert.deepEqual(await one(query('\\?'), [lookup]), { sized: false });
});

test('a binding named like the table is put in for it', async () => {
  const query = (name) => `SELECT was_created
    FROM get_or_create_many(NULL::products, :${name}, ARRAY['name'])`;
  const rows = json([{ name: 'named' }]);

  await assert.rejects(one(query('products'), { products: rows }), /syntax error/);
  assert.deepEqual(await one(query('rows'), { rows }), { was_created: true });
});

test("'record.*' is quoted as a table's name", async () => {
  const source = () => knex.raw('get_or_create(NULL::products, ?)', [{ name: 'xiomi_mi12' }]);

  await assert.rejects(knex.first('record.*').from(source()),
    /missing FROM-clause entry for table "record"/);
  const product = await knex.first(knex.raw('(record).*')).from(source());
  assert.equal(product.price, '199.90');
});

test('an array becomes an SQL array, not JSON', async () => {
  const query = `SELECT was_created
                 FROM get_or_create_many(NULL::products, ?, ARRAY['name'])`;
  const products = [{ name: 'bite' }];

  await assert.rejects(one(query, [products]), /invalid input syntax for type json/);
  assert.deepEqual(await one(query, [json(products)]), { was_created: true });
});

test('undefined is refused', async () => {
  const request = {}; // misspelled, or not sent

  await assert.rejects(
    async () => one('SELECT FROM get_or_create(NULL::products, ?)', [request.form]),
    /Undefined binding\(s\) detected for keys \[0\]/);
  await assert.rejects(getOrCreate(knex, 'products', { name: request.name }),
    /lookup must name at least one column/);
});

test('a Buffer is an object in JSON', async () => {
  const query = 'SELECT was_created FROM get_or_create(NULL::products, ?, ?)';
  const lookup = { name: 'photo' };
  const defaults = { photo: Buffer.from('hello') };

  await assert.rejects(one(query, [lookup, defaults]),
    /invalid value for bytea column "photo"/);
  assert.deepEqual(await one(query, [lookup, json(defaults)]), { was_created: true });
});

test('a parameter inside of jsonb_build_object needs its type', async () => {
  const query = (parameter) => `SELECT was_created
    FROM get_or_create(NULL::products, jsonb_build_object('name', ${parameter}))`;

  await assert.rejects(one(query('?'), ['built']),
    /could not determine data type of parameter \$1/);
  assert.deepEqual(await one(query('?::text'), ['built']), { was_created: true });
});

test('what only the application fills in must be sent', async () => {
  const lookup = { email: 'ann@example.org' };
  const now = new Date();

  await assert.rejects(
    getOrCreate(knex, 'customers', lookup, { state: 'new' }),
    { code: '23502', column: 'created_at' });
  const [, created] = await getOrCreate(
    knex, 'customers', lookup, { state: 'new', created_at: now, updated_at: now });
  assert.ok(created);
});

test("the error's text holds the statement; its fields are the server's", async () => {
  const error = await knex('products').insert({ name: 'xiomi_mi12' }).catch((e) => e);
  assert.match(error.message, /^insert into "products" \("name"\) values \(\$1\) - duplicate key/);
  const { constraint_name } = await classifyIntegrityError(knex, { message: error.message });
  assert.equal(constraint_name, 'products_name_key');
});
