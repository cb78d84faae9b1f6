// duplicate_guard from Prisma 7, by example.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { PrismaPg } from '@prisma/adapter-pg';
import { Prisma, PrismaClient } from './generated/index.js';
import { classifyIntegrityError, duplicateGuard, isIntegrityError, json } from './guard.js';
import './upsert.js';

const adapter = new PrismaPg({}); // PGHOST, PGDATABASE, ...
const prisma = new PrismaClient({ adapter }).$extends(duplicateGuard);
after(() => prisma.$disconnect());

const patiently = { maxWait: 60_000, timeout: 60_000 };

// ----- an object of the model, and whether it is new -------------------------

test('getOrCreate gives a product and a flag', async () => {
  const [product, created] = await prisma.product.getOrCreate({
    where: { name: 'xiomi_mi12' },
    create: { name: 'xiomi_mi12', price: '199.90' },
  });
  assert.ok(created);
  assert.ok(product.price.equals('199.90'));

  const [again, createdAgain] = await prisma.product.getOrCreate({
    where: { name: 'xiomi_mi12' },
    create: { price: '249.90' },
  });
  assert.ok(!createdAgain);
  assert.deepEqual(again, product);
  assert.deepEqual(again, await prisma.product.findUnique({ where: { id: product.id } }));
});

test('it is one query', async () => {
  const [{ was_created: created, ...product }] = await prisma.$queryRaw`
    SELECT (record).id, (record).price, was_created,
           (record).category_id AS "categoryId"
    FROM get_or_create(NULL::products,
      ${{ name: 'xiomi_mi12' }}, ${{ price: '249.90' }})`;
  assert.ok(!created);
  assert.ok(product.price.equals('199.90'));
  assert.equal(product.categoryId, null);
});

test('values of all types go through', async () => {
  const values = {
    price: new Prisma.Decimal('12345678.90'),
    sku: 'd9428888-122b-11e1-b85c-61cd3cbb3210',
    releasedOn: new Date('2024-02-29'),
    photo: Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0, 0xff]),
    tags: ['green', 'with "quotes", commas', 'NULL', 'ünï'],
    properties: { size: [1, 2], deep: { null: null } },
    note: null,
    createdAt: new Date('2024-02-29T23:59:59.123+02:00'),
  };
  const [product, created] = await prisma.product.getOrCreate({
    where: { name: 'Ångström' }, create: values });
  assert.ok(created);
  for (const [field, value] of Object.entries(values)) {
    assert.deepEqual(product[field], value, field);
  }
});

// ----- in a transaction, and many at once ------------------------------------

test('in a transaction it is rolled back with the rest', async () => {
  await assert.rejects(
    prisma.$transaction(async (tx) => {
      const [, created] = await tx.product.getOrCreate({ where: { name: 'undone' } });
      assert.ok(created);
      throw new Error('changed my mind');
    }, patiently),
    /changed my mind/);
  assert.equal(await prisma.product.count({ where: { name: 'undone' } }), 0);
});

test('eight tasks at once create each row once', async () => {
  const names = Array.from({ length: 20 }, (_, n) => `task ${n}`);

  const importNames = () => prisma.$transaction(async (tx) => {
    const answers = [];
    for (const name of names) {
      answers.push(await tx.product.getOrCreate({ where: { name } }));
    }
    assert.ok(await tx.product.count(), 'still usable');
    return answers;
  }, patiently);

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
    await prisma.product.create({ data: { name: 'lamp', price: '-1' } });
  } catch (error) {
    if (!isIntegrityError(error)) throw error;
    const problem = await classifyIntegrityError(prisma, error);
    for (const column of problem.columns ?? ['form']) {
      errors[column] = problem.user_message;
    }
  }
  assert.deepEqual(errors, { price: 'The price must not be negative.' });

  const error = await prisma.product.create({ data: { name: 'xiomi_mi12' } }).catch((e) => e);
  const problem = await classifyIntegrityError(prisma, error);
  assert.equal(error.code, 'P2002');
  assert.equal(problem.kind, 'unique_violation');
  assert.equal(problem.http_status, 409);
  assert.deepEqual(problem.columns, ['name']);
  assert.equal(problem.user_message, 'A product with this name already exists.');
});

test('with a savepoint the transaction goes on', async () => {
  await prisma.$transaction(async (tx) => {
    let problem;
    await tx.$executeRaw`SAVEPOINT attempt`;
    try {
      await tx.product.create({ data: { name: 'chair', categoryId: 7 } });
      await tx.$executeRaw`RELEASE SAVEPOINT attempt`;
    } catch (error) {
      // first this: in a failed transaction nothing can be called
      await tx.$executeRaw`ROLLBACK TO SAVEPOINT attempt`;
      if (!isIntegrityError(error)) throw error;
      problem = await classifyIntegrityError(tx, error);
    }
    assert.deepEqual(problem.columns, ['category_id']);
    await tx.product.create({ data: { name: 'after the savepoint' } });
  }, patiently);
});

test('try_create gives the error instead of raising it', async () => {
  const form = { name: 'chair', price: '5.00', category_id: 7 };

  const [{ was_created, id, error }] = await prisma.$queryRaw`
    SELECT was_created, (record).id, to_jsonb(error) AS error
    FROM try_create(NULL::products, ${form})`;
  assert.ok(!was_created);
  assert.equal(id, null);
  assert.deepEqual(error.columns, ['category_id']);
  assert.equal(error.user_message, 'This category does not exist.');
});

test('find_conflicts tells everything that is wrong', async () => {
  const form = { name: 'xiomi_mi12', price: '-5', category_id: 7 };

  const conflicts = await prisma.$queryRaw`
    SELECT kind, columns FROM find_conflicts(NULL::products, ${form})`;
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
  const products = await prisma.$queryRaw`
    SELECT (g.record).*, g.was_created
    FROM get_or_create_many(NULL::products, ${json(rows)}, ARRAY['name']) AS g
    ORDER BY g.ordinality`;
  assert.deepEqual(products.map((p) => p.was_created), [true, false, false]);
  assert.equal(products[2].id, products[0].id);
  assert.ok(products[2].price.equals('1.20'));
});

test('update_or_create writes only what differs', async () => {
  const setPrice = async (price) => {
    const [{ was_created, was_updated }] = await prisma.$queryRaw`
      SELECT was_created, was_updated
      FROM update_or_create(NULL::products, ${{ name: 'desk' }}, ${{ price }})`;
    return { was_created, was_updated };
  };
  assert.deepEqual(await setPrice('90'), { was_created: true, was_updated: false });
  assert.deepEqual(await setPrice('90'), { was_created: false, was_updated: false });
  assert.deepEqual(await setPrice('95'), { was_created: false, was_updated: true });
});

// ----- what bites ------------------------------------------------------------

test('a composite value comes back as text', async () => {
  const lookup = { name: 'xiomi_mi12' };

  const [{ record }] = await prisma.$queryRaw`
    SELECT record FROM get_or_create(NULL::products, ${lookup})`;
  assert.match(record, /^\(\d+,xiomi_mi12,199\.90,/);
  const [{ name }] = await prisma.$queryRaw`
    SELECT (record).* FROM get_or_create(NULL::products, ${lookup})`;
  assert.equal(name, 'xiomi_mi12');
});

test('an array becomes an SQL array, not JSON', async () => {
  const query = (rows) => prisma.$queryRaw`
    SELECT was_created FROM get_or_create_many(NULL::products, ${rows}, ARRAY['name'])`;
  const rows = [{ name: 'bite' }];

  await assert.rejects(query(rows), /invalid input syntax for type json/);
  assert.deepEqual(await query(json(rows)), [{ was_created: true }]);
});

test('undefined becomes NULL, and is left out of an object', async () => {
  const query = (lookup) => prisma.$queryRaw`
    SELECT was_created FROM get_or_create(NULL::products, ${lookup})`;
  const request = {}; // misspelled, or not sent

  await assert.rejects(query(request.form), /lookup must not be null/);
  await assert.rejects(query({ name: request.name }),
    /lookup must name at least one column/);
});

test('bytes are an object in JSON; a BigInt is a string', async () => {
  const query = (defaults) => prisma.$queryRaw`
    SELECT was_created
    FROM get_or_create(NULL::products, ${{ name: 'photo' }}, ${defaults})`;
  const photo = Uint8Array.from([1, 2]);

  await assert.rejects(query({ price: 1n, photo }), /invalid value for bytea column "photo"/);
  assert.deepEqual(await query(json({ price: 1n, photo })), [{ was_created: true }]);
  assert.deepEqual(await query({ price: 1n }), [{ was_created: false }]);
});

test('a parameter inside of jsonb_build_object needs its type', async () => {
  await assert.rejects(
    prisma.$queryRaw`
      SELECT FROM get_or_create(NULL::products, jsonb_build_object('name', ${'built'}))`,
    /could not determine data type of parameter \$1/);
  const answers = await prisma.$queryRaw`
    SELECT was_created
    FROM get_or_create(NULL::products, jsonb_build_object('name', ${'built'}::text))`;
  assert.deepEqual(answers, [{ was_created: true }]);
});

test('what only Prisma fills in must be sent', async () => {
  const where = { email: 'ann@example.org' };
  const now = new Date();

  // @updatedAt is Prisma's, and this table has no default for the others either
  await assert.rejects(prisma.customer.getOrCreate({ where }),
    /null value in column "state"/);
  const [ann, created] = await prisma.customer.getOrCreate({
    where, create: { state: 'new', createdAt: now, updatedAt: now } });
  assert.ok(created);
  assert.deepEqual(ann.updatedAt, now);
});
