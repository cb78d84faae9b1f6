// duplicate_guard from node-postgres: copy this file.
//
//     const [product, created] =
//       await getOrCreate(client, 'products', { name: 'lamp' }, { price: '5.00' });
//
// The client may be a pool, where there is no transaction.

import pg from 'pg';

// What JSON.stringify does not know, as PostgreSQL reads it.
function jsonValue(key, value) {
  const original = this[key]; // Buffer.toJSON() came first
  if (original instanceof Uint8Array) {
    return '\\x' + Buffer.from(original).toString('hex');
  }
  return typeof original === 'bigint' ? original.toString() : value;
}

/** A parameter for jsonb: node-postgres makes an SQL array of a plain array. */
export function json(value) {
  return JSON.stringify(value, jsonValue);
}

/** The row, and whether it was created. */
export async function getOrCreate(client, table, lookup, defaults = {}) {
  const { rows: [{ was_created, ...row }] } = await client.query(
    `SELECT (record).*, was_created
     FROM get_or_create(NULL::${pg.escapeIdentifier(table)}, $1, $2)`,
    [json(lookup), json(defaults)]);
  return [row, was_created];
}

/** The facts of a pg.DatabaseError of class 23. */
export async function classifyIntegrityError(client, error) {
  const { rows: [problem] } = await client.query(
    `SELECT *
     FROM classify_integrity_error(
       message => $1, detail => $2, sqlstate => $3,
       schema_name => $4, table_name => $5, column_name => $6,
       constraint_name => $7, datatype_name => $8)`,
    [error.message, error.detail, error.code,
      error.schema, error.table, error.column,
      error.constraint, error.dataType]);
  return problem;
}

export function isIntegrityError(error) {
  return error instanceof pg.DatabaseError && error.code.startsWith('23');
}
