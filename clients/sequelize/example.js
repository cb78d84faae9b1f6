// duplicate_guard from Sequelize 6, by example.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { QueryTypes, Sequelize, UniqueConstraintError } from 'sequelize';
import { classifyIntegrityError, isIntegrityError, json } from './guard.js';
import { connection, Customer, Product, sequelize } from './models.js';
import './find-or-create.js';

after(() => sequelize.close());

// ----- an instance of the model, and whether it is new -----------------------

test('getOrCreate gives a Product and a flag', async () => {
  const [product, created] = await Product.getOrCreate({
    where: { name: 'xiomi_mi12' },
    defaults: { price: '199.90' },
  });
  assert.ok(created);
  assert.ok(product instanceof Product);
  assert.equal(product.price, '199.90');
  assert.ok(product.createdAt instanceof Date);

  const [again, createdAgain] = await Product.getOrCreate({
    where: { name: 'xiomi_mi12' },
    defaults: { price: '249.90' },
  });
  assert.ok(!createdAgain);
  assert.deepEqual(again.toJSON(), product.toJSON());
  assert.deepEqual(again.toJSON(), (await Product.findByPk(product.id)).toJSON());
});

test('the instance is an ordinary one', async () => {
  const [product] = await Product.getOrCreate({ where: { name: 'xiomi_mi12' } });
  assert.equal(product.isNewRecord, false);
  assert.equal(product.changed(), false);
  product.note = 'saved';
  await product.save();
  await product.reload();
  assert.equal(product.note, 'saved');
  assert.equal(product.label, 'xiomi_mi12, 199.90');
});

test('it is one query', async () => {
  const product = await sequelize.query(
    `SELECT (record).*, was_created
     FROM get_or_create(NULL::products, $lookup, $defaults)`,
    {
      model: Product,
      mapToModel: true,
      plain: true,
      useMaster: true,
      bind: { lookup: { name: 'plain' }, defaults: { price: '9.90' } },
    });
  assert.ok(product instanceof Product);
  assert.ok(product.get('was_created'));
  assert.equal(product.price, '9.90');
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
  const [product, created] = await Product.getOrCreate({
    where: { name: 'Ångström' }, defaults: values });
  assert.ok(created);
  for (const [attribute, value] of Object.entries(values)) {
    assert.deepEqual(product[attribute], value, attribute);
  }
});

test("the model's defaults and timestamps are sent", async () => {
  const [ann, created] = await Customer.getOrCreate({
    where: { email: 'ann@example.org' } });
  assert.ok(created);
  assert.equal(ann.state, 'new');
  assert.ok(Date.now() - ann.createdAt < 60_000);
});

// ----- in a transaction, and many at once ------------------------------------

test('in a transaction it is rolled back with the rest', async () => {
  await assert.rejects(
    sequelize.transaction(async (transaction) => {
      const [, created] = await Product.getOrCreate({
        where: { name: 'undone' }, defaults: { price: 1 }, transaction });
      assert.ok(created);
      throw new Error('changed my mind');
    }),
    /changed my mind/);
  assert.equal(await Product.count({ where: { name: 'undone' } }), 0);
});

test('eight tasks at once create each row once', async () => {
  const names = Array.from({ length: 20 }, (_, n) => `task ${n}`);

  const importNames = () => sequelize.transaction(async (transaction) => {
    const answers = [];
    for (const name of names) {
      answers.push(await Product.getOrCreate({
        where: { name }, defaults: { price: 1 }, transaction }));
    }
    assert.ok(await Product.count({ transaction }), 'still usable');
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
  try {
    await Product.create({ name: 'lamp', price: '-1' });
  } catch (error) {
    if (!isIntegrityError(error)) throw error;
    const problem = await classifyIntegrityError(sequelize, error);
    for (const column of problem.columns ?? ['form']) {
      errors[column] = problem.user_message;
    }
  }
  assert.deepEqual(errors, { price: 'The price must not be negative.' });
});

test('in a transaction that goes on, after the savepoint', async () => {
  const problem = await sequelize.transaction(async (transaction) => {
    try {
      await sequelize.transaction({ transaction }, (savepoint) => (
        Product.create({ name: 'xiomi_mi12', price: 1 }, { transaction: savepoint })));
    } catch (error) {
      if (!isIntegrityError(error)) throw error;
      return classifyIntegrityError(sequelize, error, { transaction });
    }
  });
  assert.equal(problem.kind, 'unique_violation');
  assert.equal(problem.http_status, 409);
  assert.deepEqual(problem.columns, ['name']);
  assert.deepEqual(problem.key_values, ['xiomi_mi12']);
  assert.equal(problem.user_message, 'A product with this name already exists.');
});

test('try_create gives the error instead of raising it', async () => {
  const form = { name: 'chair', price: '5.00', category_id: 7 };

  const { was_created, id, error } = await sequelize.query(
    `SELECT was_created, (record).id, to_jsonb(error) AS error
     FROM try_create(NULL::products, $form)`,
    { type: QueryTypes.SELECT, plain: true, useMaster: true, bind: { form } });
  assert.ok(!was_created);
  assert.equal(id, null);
  assert.deepEqual(error.columns, ['category_id']);
  assert.equal(error.user_message, 'This category does not exist.');
});

test('find_conflicts tells everything that is wrong', async () => {
  const form = { name: 'xiomi_mi12', price: '-5', category_id: 7 };

  const conflicts = await sequelize.query(
    'SELECT kind, columns FROM find_conflicts(NULL::products, $form)',
    { type: QueryTypes.SELECT, bind: { form } });
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
  const products = await sequelize.query(
    `SELECT (g.record).*, g.was_created
     FROM get_or_create_many(NULL::products, $rows, key_columns => $key) AS g
     ORDER BY g.ordinality`,
    {
      model: Product,
      mapToModel: true,
      useMaster: true,
      bind: { rows: json(rows), key: ['name'] },
    });
  assert.deepEqual(products.map((p) => p.get('was_created')), [true, false, false]);
  assert.equal(products[2].id, products[0].id);
  assert.equal(products[2].price, '1.20');
});

test('updateOrCreate writes only what differs, and then updatedAt', async () => {
  const setState = (state) => Customer.updateOrCreate({
    where: { email: 'bob@example.org' }, defaults: { state } });

  const [bob, ...created] = await setState('active');
  assert.deepEqual(created, [true, false]);
  const [same, ...kept] = await setState('active');
  assert.deepEqual(kept, [false, false]);
  assert.deepEqual(same.toJSON(), bob.toJSON());
  const [changed, ...updated] = await setState('gone');
  assert.deepEqual(updated, [false, true]);
  assert.equal(changed.state, 'gone');
  assert.deepEqual(changed.createdAt, bob.createdAt);
  assert.ok(changed.updatedAt > bob.updatedAt);
});

// ----- what bites ------------------------------------------------------------

const query = 'SELECT (record).*, was_created FROM get_or_create(NULL::products, $lookup)';

test('the flag is no attribute of the model', async () => {
  const product = await sequelize.query(query, {
    model: Product, mapToModel: true, plain: true, bind: { lookup: { name: 'flag' } } });
  assert.equal(product.was_created, undefined);
  assert.equal(product.get('was_created'), true);
});

test('without mapToModel attributes have the names of the columns', async () => {
  const options = { model: Product, plain: true, bind: { lookup: { name: 'flag' } } };

  const unmapped = await sequelize.query(query, options);
  assert.equal(unmapped.createdAt, undefined);
  const mapped = await sequelize.query(query, { ...options, mapToModel: true });
  assert.ok(mapped.createdAt instanceof Date);
});

test("a UniqueConstraintError's text has nothing of the server's; its parent has", async () => {
  const error = await Product.create({ name: 'xiomi_mi12', price: 1 }).catch((e) => e);
  assert.ok(error instanceof UniqueConstraintError);
  assert.equal(error.message, 'Validation error');

  const problem = await classifyIntegrityError(sequelize, { parent: error });
  assert.equal(problem.constraint_name, null);
  assert.equal((await classifyIntegrityError(sequelize, error)).constraint_name,
    'products_name_key');
});

test('a bind parameter that is undefined is an error of Sequelize', async () => {
  await assert.rejects(
    sequelize.query(query, { bind: { lookup: undefined } }),
    /Named bind parameter "\$lookup" has no value in the given object/);
});

test('a replacement is no parameter, and an object none of its values', async () => {
  const text = 'SELECT was_created FROM get_or_create(NULL::products, :lookup::jsonb)';
  const lookup = { name: "O'Reilly" };

  await assert.rejects(sequelize.query(text, { replacements: { lookup } }),
    /Invalid value { name: "O'Reilly" }/);
  const [rows] = await sequelize.query(text, { replacements: { lookup: json(lookup) } });
  assert.deepEqual(rows, [{ was_created: true }]);
});

test('with replacements a ? is one, with bind it is an operator', async () => {
  const text = (parameter) => `SELECT (record).properties ? 'size' AS sized
                               FROM get_or_create(NULL::products, ${parameter})`;
  const lookup = json({ name: 'flag' });

  await assert.rejects(
    sequelize.query(text('?'), { replacements: [lookup] }),
    /Positional replacement \(\?\) 1 has no entry/);
  const [rows] = await sequelize.query(text('$1'), { bind: [lookup] });
  assert.deepEqual(rows, [{ sized: false }]);
});

test('an array becomes an SQL array, not JSON', async () => {
  const text = `SELECT was_created
                FROM get_or_create_many(NULL::products, $rows, ARRAY['name'])`;
  const rows = [{ name: 'bite 1' }, { name: 'bite 2' }];

  await assert.rejects(sequelize.query(text, { bind: { rows } }),
    /invalid input syntax for type json/);
  const [answers] = await sequelize.query(text, { bind: { rows: json(rows) } });
  assert.deepEqual(answers, [{ was_created: true }, { was_created: true }]);
});

test('a SELECT goes to a replica, also one that writes', async (t) => {
  const replicated = new Sequelize({
    ...connection,
    replication: {
      write: {},
      // stands for a replica: it reads only
      read: [{ dialectOptions: { options: '-c default_transaction_read_only=on' } }],
    },
  });
  t.after(() => replicated.close());
  const options = {
    type: QueryTypes.SELECT, bind: { lookup: { name: 'replica' } } };

  await assert.rejects(replicated.query(query, options),
    /cannot create a row in "products" in a read-only transaction/);
  const [product] = await replicated.query(query, { ...options, useMaster: true });
  assert.ok(product.was_created);
});

test("what only Sequelize fills in must be sent, if not by guard.js", async () => {
  const text = `SELECT was_created
                FROM get_or_create(NULL::customers, $lookup, $defaults)`;
  const lookup = { email: 'eve@example.org' };
  const now = new Date();

  await assert.rejects(
    sequelize.query(text, { bind: { lookup, defaults: {} } }),
    /null value in column "state"/);
  const [rows] = await sequelize.query(text, {
    bind: { lookup, defaults: { state: 'new', created_at: now, updated_at: now } } });
  assert.deepEqual(rows, [{ was_created: true }]);
});

test('a Buffer is an object in JSON', async () => {
  const text = 'SELECT was_created FROM get_or_create(NULL::products, $lookup, $defaults)';
  const lookup = { name: 'photo' };
  const defaults = { photo: Buffer.from('hello') };

  await assert.rejects(
    sequelize.query(text, { bind: { lookup, defaults } }),
    /invalid value for bytea column "photo"/);
  const [rows] = await sequelize.query(text, { bind: { lookup, defaults: json(defaults) } });
  assert.deepEqual(rows, [{ was_created: true }]);
});
