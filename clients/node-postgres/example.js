// duplicate_guard from node-postgres, by example.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import pg from 'pg';
import { classifyIntegrityError, getOrCreate, isIntegrityError, json } from './guard.js';

const pool = new pg.Pool({ max: 8 });
after(() => pool.end());

/** Runs the work in a transaction of one client of the pool. */
async function transaction(work) {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const answer = await work(client);
    await client.query('COMMIT');
    return answer;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

// ----- the row, and whether it is new ----------------------------------------

test('getOrCreate gives the row and a flag', async () => {
  const [product, created] = await getOrCreate(
    pool, 'products', { name: 'xiomi_mi12' }, { price: '199.90' });
  assert.ok(created);
  assert.equal(product.price, '199.90');

  const [again, createdAgain] = await getOrCreate(
    pool, 'products', { name: 'xiomi_mi12' }, { price: '249.90' });
  assert.ok(!createdAgain);
  assert.deepEqual(again, product);
});

test('it is one query', async () => {
  const { rows: [{ was_created: created, ...product }] } = await pool.query(
    `SELECT (record).*, was_created
     FROM get_or_create(NULL::products, $1, $2)`,
    [{ name: 'xiomi_mi12' }, { price: '249.90' }]);
  assert.ok(!created);
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
    pool, 'products', { name: 'Ångström' }, values);
  assert.ok(created);
  for (const [column, value] of Object.entries(values)) {
    assert.deepEqual(product[column], value, column);
  }
});

test('a prepared statement saves parsing and planning', async () => {
  const query = {
    name: 'get_or_create_product',
    text: 'SELECT was_created FROM get_or_create(NULL::products, $1)',
  };
  const client = await pool.connect();
  try {
    for (const name of ['xiomi_mi12', 'xiomi_mi12']) {
      const { rows } = await client.query({ ...query, values: [{ name }] });
      assert.deepEqual(rows, [{ was_created: false }]);
    }
    const { rows } = await client.query(
      'SELECT name FROM pg_prepared_statements');
    assert.deepEqual(rows, [{ name: 'get_or_create_product' }]);
  } finally {
    client.release();
  }
});

// ----- in a transaction, and many at once ------------------------------------

test('in a transaction it is rolled back with the rest', async () => {
  await assert.rejects(
    transaction(async (client) => {
      const [, created] = await getOrCreate(client, 'products', { name: 'undone' });
      assert.ok(created);
      throw new Error('changed my mind');
    }),
    /changed my mind/);
  const { rowCount } = await pool.query(
    "SELECT FROM products WHERE name = 'undone'");
  assert.equal(rowCount, 0);
});

test('eight tasks at once create each row once', async () => {
  const names = Array.from({ length: 20 }, (_, n) => `task ${n}`);

  const importNames = () => transaction(async (client) => {
    const answers = [];
    for (const name of names) {
      answers.push(await getOrCreate(client, 'products', { name }));
    }
    const { rows } = await client.query("SELECT 'still usable' AS transaction");
    assert.equal(rows[0].transaction, 'still usable');
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
  const save = (product) => transaction((client) => client.query(
    'INSERT INTO products (name, price) VALUES ($1, $2)',
    [product.name, product.price]));

  try {
    await save({ name: 'lamp', price: '-1' });
  } catch (error) {
    if (!isIntegrityError(error)) throw error;
    const problem = await classifyIntegrityError(pool, error);
    for (const column of problem.columns ?? ['form']) {
      errors[column] = problem.user_message;
    }
  }
  assert.deepEqual(errors, { price: 'The price must not be negative.' });

  const error = await save({ name: 'xiomi_mi12', price: '1' }).catch((e) => e);
  const problem = await classifyIntegrityError(pool, error);
  assert.equal(problem.kind, 'unique_violation');
  assert.equal(problem.http_status, 409);
  assert.deepEqual(problem.columns, ['name']);
  assert.deepEqual(problem.key_values, ['xiomi_mi12']);
  assert.equal(problem.user_message, 'A product with this name already exists.');
});

test('with a savepoint the transaction goes on', async () => {
  await transaction(async (client) => {
    let problem;
    await client.query('SAVEPOINT attempt');
    try {
      await client.query("INSERT INTO products (name) VALUES ('xiomi_mi12')");
      await client.query('RELEASE SAVEPOINT attempt');
    } catch (error) {
      // first this: in a failed transaction nothing can be called
      await client.query('ROLLBACK TO SAVEPOINT attempt');
      if (!isIntegrityError(error)) throw error;
      problem = await classifyIntegrityError(client, error);
    }
    assert.deepEqual(problem.columns, ['name']);
    await client.query("INSERT INTO products (name) VALUES ('after the savepoint')");
  });
});

test('try_create gives the error instead of raising it', async () => {
  const form = { name: 'chair', price: '5.00', category_id: 7 };

  const { rows: [{ was_created, error, ...product }] } = await pool.query(
    `SELECT (record).*, was_created, to_jsonb(error) AS error
     FROM try_create(NULL::products, $1)`,
    [form]);
  assert.ok(!was_created);
  assert.equal(product.id, null);
  assert.deepEqual(error.columns, ['category_id']);
  assert.equal(error.user_message, 'This category does not exist.');
});

test('find_conflicts tells everything that is wrong', async () => {
  const form = { name: 'xiomi_mi12', price: '-5', category_id: 7 };

  const { rows } = await pool.query(
    'SELECT kind, columns FROM find_conflicts(NULL::products, $1)', [form]);
  assert.deepEqual(rows, [
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
  const { rows } = await pool.query(
    `SELECT (g.record).*, g.was_created
     FROM get_or_create_many(NULL::products, $1, key_columns => $2) AS g
     ORDER BY g.ordinality`,
    [json(products), ['name']]);
  assert.deepEqual(rows.map((row) => row.was_created), [true, false, false]);
  assert.equal(rows[2].id, rows[0].id);
  assert.equal(rows[2].price, '1.20');
});

test('update_or_create writes only what differs', async () => {
  const setPrice = async (price) => {
    const { rows } = await pool.query(
      `SELECT (record).price, was_created, was_updated
       FROM update_or_create(NULL::products, $1, $2)`,
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

test('an array becomes an SQL array, not JSON', async () => {
  const query = `SELECT was_created
                 FROM get_or_create_many(NULL::products, $1, ARRAY['name'])`;
  const products = [{ name: 'bite 1' }, { name: 'bite 2' }];

  await assert.rejects(pool.query(query, [products]), {
    code: '22P02', message: 'invalid input syntax for type json' });
  const { rows } = await pool.query(query, [json(products)]);
  assert.deepEqual(rows, [{ was_created: true }, { was_created: true }]);
});

test('undefined becomes NULL', async () => {
  const query = 'SELECT was_created FROM get_or_create(NULL::products, $1, $2)';
  const request = { body: { name: 'undefined' } };

  await assert.rejects(pool.query(query, [request.form, {}]), {
    message: 'lookup must not be null' });
  // defaults may be NULL
  const { rows } = await pool.query(query, [request.body, request.defaults]);
  assert.deepEqual(rows, [{ was_created: true }]);
});

test('undefined in an object is left out', async () => {
  const query = 'SELECT was_created FROM get_or_create(NULL::products, $1)';
  const form = {}; // misspelled, or not sent

  await assert.rejects(pool.query(query, [{ name: form.name }]), {
    message: 'lookup must name at least one column' });
});

test('a Buffer is an object in JSON', async () => {
  const query = 'SELECT was_created FROM get_or_create(NULL::products, $1, $2)';
  const lookup = { name: 'photo' };
  const defaults = { photo: Buffer.from('hello') };

  await assert.rejects(pool.query(query, [lookup, defaults]), {
    code: '22P02', message: /invalid value for bytea column "photo"/ });
  await pool.query(query, [lookup, json(defaults)]);
  const { rows } = await pool.query("SELECT photo FROM products WHERE name = 'photo'");
  assert.deepEqual(rows[0].photo, Buffer.from('hello'));
});

test('JSON.stringify refuses a BigInt', async () => {
  const query = 'SELECT (record).price FROM get_or_create(NULL::products, $1, $2)';
  const defaults = { price: 12345678n };

  await assert.rejects(pool.query(query, [{ name: 'bigint' }, defaults]),
    /Do not know how to serialize a BigInt/);
  const { rows } = await pool.query(query, [{ name: 'bigint' }, json(defaults)]);
  assert.deepEqual(rows, [{ price: '12345678.00' }]);
});

test('a date is read as midnight here, which may be the day before in UTC', async (t) => {
  process.env.TZ = 'Europe/Berlin';
  const asDate = pg.types.getTypeParser(pg.types.builtins.DATE);
  t.after(() => {
    delete process.env.TZ;
    pg.types.setTypeParser(pg.types.builtins.DATE, asDate);
  });
  const store = async (name, released_on) => {
    const [product] = await getOrCreate(pool, 'products', { name }, { released_on });
    return product.released_on;
  };

  const date = await store('leap day', '2024-02-29');
  assert.equal(date.getDate(), 29);
  assert.equal((await store('a copy', date)).getDate(), 28);

  pg.types.setTypeParser(pg.types.builtins.DATE, String);
  const text = await store('leap day');
  assert.equal(text, '2024-02-29');
  assert.equal(await store('a true copy', text), '2024-02-29');
});

test('a parameter inside of jsonb_build_object needs its type', async () => {
  const query = (parameter) => `
    SELECT was_created
    FROM get_or_create(NULL::products, jsonb_build_object('name', ${parameter}))`;

  await assert.rejects(pool.query(query('$1'), ['built']), {
    code: '42P18', message: 'could not determine data type of parameter $1' });
  const { rows } = await pool.query(query('$1::text'), ['built']);
  assert.deepEqual(rows, [{ was_created: true }]);
});

test('NULL needs the type of the table', async () => {
  await assert.rejects(
    pool.query('SELECT * FROM get_or_create(NULL, $1)', [{ name: 'typed' }]),
    { code: '42804', message: /could not determine polymorphic type/ });
});

test('what only the application fills in must be sent', async () => {
  const query = 'SELECT was_created FROM get_or_create(NULL::customers, $1, $2)';
  const lookup = { email: 'ann@example.org' };
  const now = new Date();

  await assert.rejects(pool.query(query, [lookup, { state: 'new' }]), {
    code: '23502', column: 'created_at' });
  const { rows } = await pool.query(query,
    [lookup, { state: 'new', created_at: now, updated_at: now }]);
  assert.deepEqual(rows, [{ was_created: true }]);
});

test('in a failed transaction nothing can be called', async () => {
  await assert.rejects(
    transaction(async (client) => {
      const error = await client.query("INSERT INTO products (name) VALUES ('xiomi_mi12')")
        .catch((e) => e);
      await classifyIntegrityError(client, error);
    }),
    { code: '25P02', message: /current transaction is aborted/ });
});
