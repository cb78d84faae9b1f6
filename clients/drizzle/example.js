// duplicate_guard from Drizzle, by example.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { count, eq, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import {
  classifyIntegrityError, getOrCreate, isIntegrityError, json, recordOf,
} from './guard.js';
import { customers, products } from './tables.js';

const pool = new pg.Pool({ max: 8 }); // PGHOST, PGDATABASE, ...
const db = drizzle({ client: pool });
after(() => pool.end());

// ----- the row, and whether it is new ----------------------------------------

test('getOrCreate gives the row and a flag', async () => {
  const [product, created] = await getOrCreate(
    db, products, { name: 'xiomi_mi12' }, { price: '199.90' });
  assert.ok(created);
  assert.equal(product.price, '199.90');

  const [again, createdAgain] = await getOrCreate(
    db, products, { name: 'xiomi_mi12' }, { price: '249.90' });
  assert.ok(!createdAgain);
  assert.deepEqual(again, product);
  const [selected] = await db.select().from(products).where(eq(products.id, product.id));
  assert.deepEqual(again, selected);
});

test('it is one query', async () => {
  const [{ product, created }] = await db
    .select({ product: recordOf(products), created: sql`was_created` })
    .from(sql`get_or_create(NULL::${products},
      ${{ name: 'xiomi_mi12' }}, ${{ price: '249.90' }})`);
  assert.ok(!created);
  assert.equal(product.price, '199.90');
});

test('values of all types go through', async () => {
  const values = {
    price: '12345678.90',
    sku: 'd9428888-122b-11e1-b85c-61cd3cbb3210',
    releasedOn: '2024-02-29',
    photo: Buffer.from('89504e4700ff', 'hex'),
    tags: ['green', 'with "quotes", commas', 'NULL', 'ünï'],
    properties: { size: [1, 2], deep: { null: null } },
    note: null,
    createdAt: new Date('2024-02-29T23:59:59.123+02:00'),
  };
  const [product, created] = await getOrCreate(
    db, products, { name: 'Ångström' }, values);
  assert.ok(created);
  for (const [key, value] of Object.entries(values)) {
    assert.deepEqual(product[key], value, key);
  }
});

test('what Drizzle fills in is sent', async () => {
  const [ann, created] = await getOrCreate(db, customers, { email: 'ann@example.org' });
  assert.ok(created);
  assert.equal(ann.state, 'new');
  assert.ok(Date.now() - ann.updatedAt < 60_000);

  const [max] = await getOrCreate(
    db, customers, { email: 'max@example.org' }, { state: 'active' });
  assert.equal(max.state, 'active');
});

// ----- in a transaction, and many at once ------------------------------------

test('in a transaction it is rolled back with the rest', async () => {
  await assert.rejects(
    db.transaction(async (tx) => {
      const [, created] = await getOrCreate(tx, products, { name: 'undone' });
      assert.ok(created);
      throw new Error('changed my mind');
    }),
    /changed my mind/);
  assert.equal(await db.$count(products, eq(products.name, 'undone')), 0);
});

test('eight tasks at once create each row once', async () => {
  const names = Array.from({ length: 20 }, (_, n) => `task ${n}`);

  const importNames = () => db.transaction(async (tx) => {
    const answers = [];
    for (const name of names) {
      answers.push(await getOrCreate(tx, products, { name }));
    }
    const [{ all }] = await tx.select({ all: count() }).from(products);
    assert.ok(all, 'still usable');
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

  await db.transaction(async (tx) => {
    try {
      await tx.transaction((savepoint) => savepoint.insert(products).values(form));
    } catch (error) {
      // after the savepoint: in a failed transaction nothing can be called
      if (!isIntegrityError(error)) throw error;
      const problem = await classifyIntegrityError(tx, error);
      for (const column of problem.columns ?? ['form']) {
        errors[column] = problem.user_message;
      }
    }
  });
  assert.deepEqual(errors, { price: 'The price must not be negative.' });

  const error = await db.insert(products).values({ name: 'xiomi_mi12' }).catch((e) => e);
  const problem = await classifyIntegrityError(db, error);
  assert.equal(problem.kind, 'unique_violation');
  assert.equal(problem.http_status, 409);
  assert.deepEqual(problem.columns, ['name']);
  assert.deepEqual(problem.key_values, ['xiomi_mi12']);
  assert.equal(problem.user_message, 'A product with this name already exists.');
});

test('try_create gives the error instead of raising it', async () => {
  const form = { name: 'chair', price: '5.00', category_id: 7 };

  const [{ product, created, error }] = await db
    .select({
      product: recordOf(products),
      created: sql`was_created`,
      error: sql`to_jsonb(error)`,
    })
    .from(sql`try_create(NULL::${products}, ${form})`);
  assert.ok(!created);
  assert.equal(product.id, null);
  assert.deepEqual(error.columns, ['category_id']);
  assert.equal(error.user_message, 'This category does not exist.');
});

test('find_conflicts tells everything that is wrong', async () => {
  const form = { name: 'xiomi_mi12', price: '-5', category_id: 7 };

  const { rows } = await db.execute(sql`
    SELECT kind, columns FROM find_conflicts(NULL::${products}, ${form})`);
  assert.deepEqual(rows, [
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
  const answers = await db
    .select({ product: recordOf(products), created: sql`was_created` })
    .from(sql`get_or_create_many(NULL::${products}, ${json(rows)}, ARRAY['name'])`)
    .orderBy(sql`ordinality`);
  assert.deepEqual(answers.map(({ created }) => created), [true, false, false]);
  assert.equal(answers[2].product.id, answers[0].product.id);
  assert.equal(answers[2].product.price, '1.20');
});

test('update_or_create writes only what differs', async () => {
  const setPrice = async (price) => {
    const [answer] = await db
      .select({ created: sql`was_created`, updated: sql`was_updated` })
      .from(sql`update_or_create(NULL::${products}, ${{ name: 'desk' }}, ${{ price }})`);
    return answer;
  };
  assert.deepEqual(await setPrice('90'), { created: true, updated: false });
  assert.deepEqual(await setPrice('90'), { created: false, updated: false });
  assert.deepEqual(await setPrice('95'), { created: false, updated: true });
});

// ----- what bites ------------------------------------------------------------

const wasCreated = async (call) => {
  const { rows } = await db.execute(sql`SELECT was_created FROM ${call}`);
  return rows.map((row) => row.was_created);
};

async function fails(promise, message) {
  const error = await promise.then(() => assert.fail('it did not fail'), (e) => e);
  assert.match(error.cause.message, message);
}

test('execute() gives columns, and their times as text', async () => {
  const call = sql`get_or_create(NULL::${products}, ${{ name: 'xiomi_mi12' }})`;

  const { rows: [row] } = await db.execute(sql`SELECT (record).* FROM ${call}`);
  assert.equal(typeof row.created_at, 'string');
  const [{ product }] = await db.select({ product: recordOf(products) }).from(call);
  assert.ok(product.createdAt instanceof Date);
});

test('an array becomes a list of parameters', async () => {
  const call = (rows, key) => sql`get_or_create_many(NULL::${products}, ${rows}, ${key})`;
  const rows = [{ name: 'bite 1' }, { name: 'bite 2' }];

  await fails(wasCreated(call(rows, sql`ARRAY['name']`)),
    /function get_or_create_many\(products, record, text\[\]\) does not exist/);
  assert.deepEqual(await wasCreated(call(json(rows), sql.param(['name']))), [true, true]);
});

test('undefined becomes nothing at all, and is left out of an object', async () => {
  const call = (lookup) => sql`get_or_create(NULL::${products}, ${lookup})`;
  const request = {}; // misspelled, or not sent

  await fails(wasCreated(call(request.form)), /syntax error at or near "\)"/);
  await fails(wasCreated(call({ name: request.name })),
    /lookup must name at least one column/);
});

test('a Buffer is an object in JSON, and a BigInt is refused', async () => {
  const call = (defaults) => sql`
    get_or_create(NULL::${products}, ${{ name: 'photo' }}, ${defaults})`;
  const photo = Buffer.from('hello');

  await fails(wasCreated(call({ photo })), /invalid value for bytea column "photo"/);
  await fails(wasCreated(call({ price: 1n })), /serialize a BigInt/);
  assert.deepEqual(await wasCreated(call(json({ photo, price: 1n }))), [true]);
});

test('a parameter inside of jsonb_build_object needs its type', async () => {
  const call = (name) => sql`
    get_or_create(NULL::${products}, jsonb_build_object('name', ${name}))`;

  await fails(wasCreated(call('built')), /could not determine data type of parameter \$1/);
  assert.deepEqual(await wasCreated(call(sql`${'built'}::text`)), [true]);
});

test('what only Drizzle fills in is missing in a query by hand', async () => {
  await fails(
    wasCreated(sql`get_or_create(NULL::${customers}, ${{ email: 'eve@example.org' }})`),
    /null value in column "state"/);
  const [, created] = await getOrCreate(db, customers, { email: 'eve@example.org' });
  assert.ok(created);
});

test("the error's text is the query; its cause is the server's", async () => {
  const error = await db.insert(products).values({ name: 'xiomi_mi12' }).catch((e) => e);
  assert.match(error.message, /^Failed query: insert into "products"/);
  assert.doesNotMatch(error.message, /duplicate key/);
  assert.equal(error.cause.constraint, 'products_name_key');
});
