// What upsert sends where getOrCreate sends one statement.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from './generated/index.js';
import { duplicateGuard } from './guard.js';

let log = [];
const client = new PrismaClient({
  adapter: new PrismaPg({}),
  log: [{ emit: 'event', level: 'query' }],
});
client.$on('query', ({ query }) => log.push(query
  .replace(/^\s*(SELECT|COMMIT).*/s, '$1')
  .replace(/^INSERT .* (ON CONFLICT .* DO UPDATE) .*/s, 'INSERT ... $1')
  .replace(/^INSERT .* RETURNING .*/s, 'INSERT')));
const prisma = client.$extends(duplicateGuard);
after(() => prisma.$disconnect());

async function statements(work) {
  log = [];
  await work();
  return log;
}

/** What a write would leave behind: another version, a value of the sequence. */
const traces = async (name) => (await prisma.$queryRaw`
  SELECT p.ctid::text, p.xmin::text, s.last_value
  FROM products AS p, products_id_seq AS s WHERE p.name = ${name}`)[0];

const upsert = (name, update) => statements(
  () => prisma.product.upsert({ where: { name }, create: { name }, update }));

test('getOrCreate sends one statement', async () => {
  const getOrCreate = () => statements(
    () => prisma.product.getOrCreate({ where: { name: 'one' } }));
  assert.deepEqual(await getOrCreate(), ['SELECT']);
  const before = await traces('one');
  assert.deepEqual(await getOrCreate(), ['SELECT']);
  assert.deepEqual(await traces('one'), before);
});

test('upsert with nothing to update sends three and a COMMIT', async () => {
  assert.deepEqual(await upsert('empty', {}), ['SELECT', 'INSERT', 'SELECT', 'COMMIT']);
  const before = await traces('empty');
  assert.deepEqual(await upsert('empty', {}), ['SELECT', 'SELECT', 'SELECT', 'COMMIT']);
  assert.deepEqual(await traces('empty'), before);
});

test('and fails when it loses a race', { timeout: 60_000 }, async () => {
  let loser;
  await prisma.$transaction(async (tx) => {
    await tx.product.create({ data: { name: 'raced' } });
    loser = prisma.product.upsert({
      where: { name: 'raced' }, create: { name: 'raced' }, update: {} }).catch((e) => e);
    for (let waiting = 0; !waiting;) {
      [{ waiting }] = await prisma.$queryRaw`
        SELECT count(*)::integer AS waiting FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    }
  }, { timeout: 60_000 });
  assert.equal((await loser).code, 'P2002');
});

test('upsert with something to update is ON CONFLICT DO UPDATE', async () => {
  const note = { note: 'touched' };
  const native = ['INSERT ... ON CONFLICT ("name") DO UPDATE'];
  assert.deepEqual(await upsert('native', note), native);
  const before = await traces('native');
  assert.deepEqual(await upsert('native', note), native);
  const after = await traces('native');
  assert.notEqual(after.ctid, before.ctid);
  assert.equal(after.last_value, before.last_value + 1n);
});
