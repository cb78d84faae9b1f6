// duplicate_guard from postgres.js, by example.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import postgres from 'postgres';
import { classifyIntegrityError, getOrCreate, isIntegrityError, json } from './guard.js';

const sql = postgres({ types: { json }, max: 8 });
after(() => sql.end());

// ----- the row, and whether it is new ----------------------------------------

test('getOrCreate gives the row and a flag', async () => {
  const [product, created] = await getOrCreate(
    sql, 'products', { name: 'xiomi_mi12' }, { price: '199.90' });
  assert.ok(created);
  assert.equal(product.price, '199.90');

  const [again, createdAgain] = await getOrCreate(
    sql, 'products', { name: 'xiomi_mi12' }, { price: '249.90' });
  assert.ok(!createdAgain);
  assert.deepEqual(again, product);
});

test('it is one query', async () => {
  const [{ was_created: created, ...product }] = await sql`
    SELECT (record).*, was_created
    FROM get_or_create(NULL::products,
      ${{ name: 'xiomi_mi12' }}, ${{ price: '249.90' }})`;
  assert.ok(!created);
  assert.equal(product.price, '199.90');
});

test('values of all types go through', async () => {
  const values = {
    price: '12345678.90',
    sku: 'd9428888-122b-11e1-b85c-61cd3cbb3210',
    released_on: new Date('2024-02-29'),
    photo: Buffer.from('89504e4700ff', 'hex'),
    tags: ['green', 'with "quotes", commas', 'NULL', 'ünï'],
    properties: { size: [1, 2], deep: { null: null } },
    note: null,
    created_at: new Date('2024-02-29T23:59:59.123+02:00'),
  };
  const [product, created] = await getOrCreate(
    sql, 'products', { name: 'Ångström' }, values);
  assert.ok(created);
  for (const [column, value] of Object.entries(values)) {
    assert.deepEqual(product[column], value, column);
  }
});

// ----- in a transaction, and many at once ------------------------------------

test('in a transaction it is rolled back with the rest', async () => {
  await assert.rejects(
    sql.begin(async (transaction) => {
      const [, created] = await getOrCreate(transaction, 'products', { name: 'undone' });
      assert.ok(created);
      throw new Error('changed my mind');
    }),
    /changed my mind/);
  assert.equal((await sql`SELECT FROM products WHERE name = 'undone'`).count, 0);
});

test('eight tasks at once create each row once', async () => {
  const names = Array.from({ length: 20 }, (_, n) => `task ${n}`);

  const importNames = () => sql.begin(async (transaction) => {
    const answers = [];
    for (const name of names) {
      answers.push(await getOrCreate(transaction, 'products', { name }));
    }
    const [row] = await transaction`SELECT 'still usable' AS transaction`;
    assert.equal(row.transaction, 'still usable');
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

  await sql.begin(async (transaction) => {
    try {
      await transaction.savepoint((savepoint) => (
        savepoint`INSERT INTO products ${savepoint(form)}`));
    } catch (error) {
      // after the savepoint: in a failed transaction nothing can be called
      if (!isIntegrityError(error)) throw error;
      const problem = await classifyIntegrityError(transaction, error);
      for (const column of problem.columns ?? ['form']) {
        errors[column] = problem.user_message;
      }
    }
  });
  assert.deepEqual(errors, { price: 'The price must not be negative.' });

  const error = await sql`INSERT INTO products (name) VALUES ('xiomi_mi12')`.catch((e) => e);
  const problem = await classifyIntegrityError(sql, error);
  assert.equal(problem.kind, 'unique_violation');
  assert.equal(problem.http_status, 409);
  assert.deepEqual(problem.columns, ['name']);
  assert.deepEqual(problem.key_values, ['xiomi_mi12']);
  assert.equal(problem.user_message, 'A product with this name already exists.');
});

test('all fields of the error are handed on', async () => {
  await sql`CREATE DOMAIN sku AS text CONSTRAINT sku_length CHECK (length(VALUE) = 8)`;
  const error = await sql`SELECT ${'short'}::sku`.catch((e) => e);
  const problem = await classifyIntegrityError(sql, error);
  assert.equal(problem.constraint_name, 'sku_length');
  await sql`DROP DOMAIN sku`;
});

test('try_create gives the error instead of raising it', async () => {
  const form = { name: 'chair', price: '5.00', category_id: 7 };

  const [{ was_created, error, ...product }] = await sql`
    SELECT (record).*, was_created, to_jsonb(error) AS error
    FROM try_create(NULL::products, ${form})`;
  assert.ok(!was_created);
  assert.equal(product.id, null);
  assert.deepEqual(error.columns, ['category_id']);
  assert.equal(error.user_message, 'This category does not exist.');
});

test('find_conflicts tells everything that is wrong', async () => {
  const form = { name: 'xiomi_mi12', price: '-5', category_id: 7 };

  const conflicts = await sql`
    SELECT kind, columns FROM find_conflicts(NULL::products, ${form})`;
  assert.deepEqual([...conflicts], [
    { kind: 'check_violation', columns: ['price'] },
    { kind: 'unique_violation', columns: ['name'] },
    { kind: 'foreign_key_missing', columns: ['category_id'] },
  ]);
});

// ----- batches and updates ---------------------------------------------------

test('a batch is one call', async () => {
  const rows = [
    { name: 'pen', price: '1.20' },
    { name: 'xiomi_mi12' },
    { name: 'pen' },
  ];
  const products = await sql`
    SELECT (g.record).*, g.was_created
    FROM get_or_create_many(NULL::products, ${rows}, ARRAY['name']) AS g
    ORDER BY g.ordinality`;
  assert.deepEqual(products.map((p) => p.was_created), [true, false, false]);
  assert.equal(products[2].id, products[0].id);
  assert.equal(products[2].price, '1.20');
});

test('update_or_create writes only what differs', async () => {
  const setPrice = async (price) => {
    const [answer] = await sql`
      SELECT (record).price, was_created, was_updated
      FROM update_or_create(NULL::products, ${{ name: 'desk' }}, ${{ price }})`;
    return { ...answer };
  };
  assert.deepEqual(await setPrice('90'),
    { price: '90.00', was_created: true, was_updated: false });
  assert.deepEqual(await setPrice('90'),
    { price: '90.00', was_created: false, was_updated: false });
  assert.deepEqual(await setPrice('95'),
    { price: '95.00', was_created: false, was_updated: true });
});

// ----- what bites ------------------------------------------------------------

test('a string is encoded once more', async () => {
  const lookup = { name: 'encoded' };

  await assert.rejects(
    sql`SELECT FROM get_or_create(NULL::products, ${JSON.stringify(lookup)}::jsonb)`,
    {
      message: 'lookup must be a JSON object keyed by column name',
      detail: 'It is a JSON string.',
    });
  const text = JSON.stringify(lookup);
  await sql`SELECT FROM find_conflicts(NULL::products, ${text}::text::jsonb)`;
  const rows = await sql`
    SELECT was_created FROM get_or_create(NULL::products, ${lookup})`;
  assert.deepEqual([...rows], [{ was_created: true }]);
});

test('undefined is refused', async () => {
  const request = {}; // misspelled, or not sent

  await assert.rejects(getOrCreate(sql, 'products', request.form), {
    code: 'UNDEFINED_VALUE' });
  await assert.rejects(getOrCreate(sql, 'products', { name: request.name }), {
    message: 'lookup must name at least one column' });
});

test('without the type json a Buffer is an object and a BigInt is refused', async (t) => {
  const plain = postgres();
  t.after(() => plain.end());
  const lookup = { name: 'photo' };
  const defaults = { photo: Buffer.from('hello'), price: 12345678n };

  await assert.rejects(
    getOrCreate(plain, 'products', lookup, { photo: defaults.photo }),
    /invalid value for bytea column "photo"/);
  await assert.rejects(
    getOrCreate(plain, 'products', lookup, { price: defaults.price }),
    /Do not know how to serialize a BigInt/);
  const [product] = await getOrCreate(sql, 'products', lookup, defaults);
  assert.deepEqual(product.photo, defaults.photo);
  assert.equal(product.price, '12345678.00');
});

test('a parameter inside of jsonb_build_object needs its type', async () => {
  await assert.rejects(
    sql`SELECT FROM get_or_create(NULL::products, jsonb_build_object('name', ${'built'}))`,
    { code: '42P18', message: 'could not determine data type of parameter $1' });
  const rows = await sql`
    SELECT was_created
    FROM get_or_create(NULL::products, jsonb_build_object('name', ${'built'}::text))`;
  assert.deepEqual([...rows], [{ was_created: true }]);
});

test('what only the application fills in must be sent', async () => {
  const now = new Date();

  await assert.rejects(
    getOrCreate(sql, 'customers', { email: 'ann@example.org' }, { state: 'new' }),
    { code: '23502', column_name: 'created_at' });
  const [, created] = await getOrCreate(
    sql, 'customers', { email: 'ann@example.org' },
    { state: 'new', created_at: now, updated_at: now });
  assert.ok(created);
});

test('a failed query fails the whole sql.begin', async () => {
  await assert.rejects(
    sql.begin(async (transaction) => {
      const error = await transaction`INSERT INTO products (name) VALUES ('xiomi_mi12')`
        .catch((e) => e);
      await classifyIntegrityError(transaction, error);
    }),
    { code: '23505' });
});
