// What findOrCreate sends where getOrCreate sends one statement.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QueryTypes } from 'sequelize';
import { Product, sequelize } from './models.js';

/** The statements of the work, without what differs from run to run. */
async function statements(work) {
  const log = [];
  await work((text) => log.push(text
    .replace(/^Executing \([^)]*\): /, '')
    .replace(/^SELECT .* FROM "products".*/, 'SELECT')
    .replace(/^CREATE OR REPLACE FUNCTION pg_temp\.testfunc\(.*/, (all) => {
      assert.match(all, /INSERT INTO "products".*EXCEPTION WHEN unique_violation/);
      assert.match(all, /SELECT .* FROM pg_temp\.testfunc\(\); DROP FUNCTION/);
      return 'a function that INSERTs and catches';
    })));
  return log;
}

const findOrCreate = (name, transaction) => statements((logging) => (
  Product.findOrCreate({ where: { name }, defaults: { price: 1 }, transaction, logging })));

test('getOrCreate sends one statement', async () => {
  for (const created of [true, false]) {
    const log = await statements((logging) => {
      sequelize.options.logging = logging;
      return Product.getOrCreate({ where: { name: 'one' }, defaults: { price: 1 } })
        .then((answer) => assert.equal(answer[1], created))
        .finally(() => { sequelize.options.logging = false; });
    });
    assert.equal(log.length, 1);
  }
});

test('findOrCreate sends three for a hit, four for a miss', async () => {
  assert.deepEqual(await findOrCreate('found'), [
    'START TRANSACTION;', 'SELECT', 'a function that INSERTs and catches', 'COMMIT;']);

  const row = () => sequelize.query(
    `SELECT p.ctid, p.xmin, s.last_value
     FROM products AS p, products_id_seq AS s
     WHERE p.name = 'found'`,
    { plain: true, type: QueryTypes.SELECT });
  const before = await row();
  assert.deepEqual(await findOrCreate('found'), ['START TRANSACTION;', 'SELECT', 'COMMIT;']);
  assert.deepEqual(await row(), before);
});

test('in a transaction findOrCreate leaves an open savepoint each time', async () => {
  await sequelize.transaction(async (transaction) => {
    const savepoint = `SAVEPOINT "${transaction.id}-sp`;
    assert.deepEqual(await findOrCreate('found', transaction), [
      `${savepoint}-1";`, 'SELECT']);
    assert.deepEqual(await findOrCreate('found', transaction), [
      `${savepoint}-2";`, 'SELECT']);
  });
});

test('findOrCreate loses a race', { timeout: 60_000 }, async () => {
  const winner = await sequelize.transaction();
  await Product.create({ name: 'raced', price: 1 }, { transaction: winner });
  const loser = findOrCreate('raced');
  for (let waiting = 0; !waiting;) {
    [{ waiting }] = await sequelize.query(
      `SELECT count(*)::integer AS waiting FROM pg_stat_activity
       WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      { type: QueryTypes.SELECT });
  }
  await winner.commit();
  assert.deepEqual(await loser, [
    'START TRANSACTION;', 'SELECT', 'a function that INSERTs and catches', 'SELECT', 'COMMIT;']);
});
