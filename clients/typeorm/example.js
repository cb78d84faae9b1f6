// duplicate_guard from TypeORM, by example.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { QueryFailedError } from 'typeorm';
import { Customer, dataSource, Product } from './entities.js';
import {
  classifyIntegrityError, getOrCreate, isIntegrityError, json, toEntity, updateOrCreate,
} from './guard.js';

const { manager } = dataSource;
before(() => dataSource.initialize());
after(() => dataSource.destroy());

// ----- an entity, and whether it is new --------------------------------------

test('getOrCreate gives a Product and a flag', async () => {
  const [product, created] = await getOrCreate(
    manager, Product, { name: 'xiomi_mi12' }, { price: '199.90' });
  assert.ok(created);
  assert.ok(product instanceof Product);
  assert.equal(product.price, '199.90');

  const [again, createdAgain] = await getOrCreate(
    manager, Product, { name: 'xiomi_mi12' }, { price: '249.90' });
  assert.ok(!createdAgain);
  assert.deepEqual(again, product);
  assert.deepEqual(again, await manager.findOneBy(Product, { id: product.id }));
});

test('the entity is an ordinary one', async () => {
  const [product] = await getOrCreate(manager, Product, { name: 'xiomi_mi12' });
  product.note = 'saved';
  await manager.save(product);
  assert.equal(await manager.count(Product), 1);
  assert.equal((await manager.findOneBy(Product, { note: 'saved' })).id, product.id);
});

test('it is one query', async () => {
  const [{ was_created: created, ...row }] = await manager.query(
    `SELECT (record).*, was_created
     FROM get_or_create(NULL::products, $1, $2)`,
    [{ name: 'xiomi_mi12' }, { price: '249.90' }]);
  assert.ok(!created);
  assert.equal(row.price, '199.90');
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
    manager, Product, { name: 'Ångström' }, values);
  assert.ok(created);
  for (const [property, value] of Object.entries(values)) {
    assert.deepEqual(product[property], value, property);
  }
});

// ----- in a transaction, and many at once ------------------------------------

test('in a transaction it is rolled back with the rest', async () => {
  await assert.rejects(
    dataSource.transaction(async (transaction) => {
      const [, created] = await getOrCreate(transaction, Product, { name: 'undone' });
      assert.ok(created);
      throw new Error('changed my mind');
    }),
    /changed my mind/);
  assert.equal(await manager.countBy(Product, { name: 'undone' }), 0);
});

test('eight tasks at once create each row once', async () => {
  const names = Array.from({ length: 20 }, (_, n) => `task ${n}`);

  const importNames = () => dataSource.transaction(async (transaction) => {
    const answers = [];
    for (const name of names) {
      answers.push(await getOrCreate(transaction, Product, { name }));
    }
    assert.ok(await transaction.count(Product), 'still usable');
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

  await dataSource.transaction(async (transaction) => {
    try {
      await transaction.transaction((savepoint) => savepoint.insert(Product, form));
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

  const error = await manager.insert(Product, { name: 'xiomi_mi12' }).catch((e) => e);
  const problem = await classifyIntegrityError(manager, error);
  assert.equal(problem.kind, 'unique_violation');
  assert.equal(problem.http_status, 409);
  assert.deepEqual(problem.columns, ['name']);
  assert.deepEqual(problem.key_values, ['xiomi_mi12']);
  assert.equal(problem.user_message, 'A product with this name already exists.');
});

test('try_create gives the error instead of raising it', async () => {
  const form = { name: 'chair', price: '5.00', category_id: 7 };

  const [{ was_created, id, error }] = await manager.query(
    `SELECT was_created, (record).id, to_jsonb(error) AS error
     FROM try_create(NULL::products, $1)`,
    [form]);
  assert.ok(!was_created);
  assert.equal(id, null);
  assert.deepEqual(error.columns, ['category_id']);
  assert.equal(error.user_message, 'This category does not exist.');
});

test('find_conflicts tells everything that is wrong', async () => {
  const form = { name: 'xiomi_mi12', price: '-5', category_id: 7 };

  const conflicts = await manager.query(
    'SELECT kind, columns FROM find_conflicts(NULL::products, $1)', [form]);
  assert.deepEqual(conflicts, [
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
  const answers = await manager.query(
    `SELECT (g.record).*, g.was_created
     FROM get_or_create_many(NULL::products, $1, key_columns => $2) AS g
     ORDER BY g.ordinality`,
    [json(rows), ['name']]);
  const products = answers.map((row) => toEntity(manager, Product, row));
  assert.deepEqual(answers.map((row) => row.was_created), [true, false, false]);
  assert.equal(products[2].id, products[0].id);
  assert.equal(products[2].price, '1.20');
});

test('updateOrCreate writes only what differs, and then updatedAt', async () => {
  const setState = (state) => updateOrCreate(
    manager, Customer, { email: 'bob@example.org' }, { state },
    { state, createdAt: new Date() });

  const [bob, ...created] = await setState('active');
  assert.deepEqual(created, [true, false]);
  const [same, ...kept] = await setState('active');
  assert.deepEqual(kept, [false, false]);
  assert.deepEqual(same, bob);
  const [changed, ...updated] = await setState('gone');
  assert.deepEqual(updated, [false, true]);
  assert.equal(changed.state, 'gone');
  assert.deepEqual(changed.createdAt, bob.createdAt);
  assert.ok(changed.updatedAt > bob.updatedAt);
});

// ----- what bites ------------------------------------------------------------

test('create() knows properties, a row has columns', async () => {
  const [row] = await manager.query(
    'SELECT (record).* FROM get_or_create(NULL::products, $1)', [{ name: 'xiomi_mi12' }]);

  assert.equal(manager.create(Product, row).createdAt, undefined);
  assert.ok(toEntity(manager, Product, row).createdAt instanceof Date);
});

test("a column's transformer is passed by", async () => {
  const now = new Date();
  const query = 'SELECT (record).* FROM get_or_create(NULL::customers, $1, $2)';
  const defaults = { createdAt: now, updatedAt: now, state: 'new' };

  await manager.query(query, [
    { email: 'eve@example.org' }, { created_at: now, updated_at: now, state: 'new' }]);
  const eve = await manager.findOneBy(Customer, { email: 'eve@example.org' });
  assert.equal(eve.state, undefined); // it is stored as 'new'

  await getOrCreate(manager, Customer, { email: 'max@example.org' }, defaults);
  const max = await manager.findOneBy(Customer, { email: 'max@example.org' });
  assert.equal(max.state, 'new');
});

test('a default of the entity is one of the table, or none', async () => {
  const now = new Date();

  // createDate: true, but the table of the migration has no default
  await assert.rejects(
    getOrCreate(manager, Customer, { email: 'ann@example.org' }, { state: 'new' }),
    { code: '23502', column: 'created_at' });
  const [, created] = await getOrCreate(
    manager, Customer, { email: 'ann@example.org' },
    { state: 'new', createdAt: now, updatedAt: now });
  assert.ok(created);
});

test('the fields of the error are in driverError', async () => {
  const error = await manager.insert(Product, { name: 'xiomi_mi12' }).catch((e) => e);
  assert.ok(error instanceof QueryFailedError);
  assert.equal(error.driverError.constraint, 'products_name_key');
});

test('an array becomes an SQL array, not JSON', async () => {
  const query = `SELECT was_created
                 FROM get_or_create_many(NULL::products, $1, ARRAY['name'])`;
  const rows = [{ name: 'bite' }];

  await assert.rejects(manager.query(query, [rows]), /invalid input syntax for type json/);
  assert.deepEqual(await manager.query(query, [json(rows)]), [{ was_created: true }]);
});

test('undefined becomes NULL, and is left out of an object', async () => {
  const query = 'SELECT was_created FROM get_or_create(NULL::products, $1)';
  const request = {}; // misspelled, or not sent

  await assert.rejects(manager.query(query, [request.form]), /lookup must not be null/);
  await assert.rejects(manager.query(query, [{ name: request.name }]),
    /lookup must name at least one column/);
});

test('a Buffer is an object in JSON', async () => {
  const query = 'SELECT was_created FROM get_or_create(NULL::products, $1, $2)';
  const lookup = { name: 'photo' };
  const defaults = { photo: Buffer.from('hello') };

  await assert.rejects(manager.query(query, [lookup, defaults]),
    /invalid value for bytea column "photo"/);
  assert.deepEqual(await manager.query(query, [lookup, json(defaults)]),
    [{ was_created: true }]);
});

test('a parameter inside of jsonb_build_object needs its type', async () => {
  const query = (parameter) => `SELECT was_created
    FROM get_or_create(NULL::products, jsonb_build_object('name', ${parameter}))`;

  await assert.rejects(manager.query(query('$1'), ['built']),
    /could not determine data type of parameter \$1/);
  assert.deepEqual(await manager.query(query('$1::text'), ['built']),
    [{ was_created: true }]);
});
