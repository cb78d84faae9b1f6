// duplicate_guard from Knex: copy this file.
//
//     const [product, created] =
//       await getOrCreate(knex, 'products', { name: 'lamp' }, { price: '5.00' });
//
// knex may be a transaction.

// What JSON.stringify does not know, as PostgreSQL reads it.
function jsonValue(key, value) {
  const original = this[key]; // Buffer.toJSON() came first
  if (original instanceof Uint8Array) {
    return '\\x' + Buffer.from(original).toString('hex');
  }
  return typeof original === 'bigint' ? original.toString() : value;
}

/** A binding for jsonb: node-postgres makes an SQL array of a plain array. */
export function json(value) {
  return JSON.stringify(value, jsonValue);
}

/** The row, and whether it was created. */
export async function getOrCreate(knex, table, lookup, defaults = {}) {
  const { rows: [{ was_created, ...row }] } = await knex.raw(
    `SELECT (record).*, was_created
     FROM get_or_create(NULL::??, ?, ?)`,
    [table, json(lookup), json(defaults)]);
  return [row, was_created];
}

/** The facts of an error for which isIntegrityError() is true. */
export async function classifyIntegrityError(knex, error) {
  const fields = {
    message: error.message,
    detail: error.detail,
    sqlstate: error.code,
    schema_name: error.schema,
    table_name: error.table,
    column_name: error.column,
    constraint_name: error.constraint,
    datatype_name: error.dataType,
  };
  const known = Object.entries(fields).filter(([, value]) => value !== undefined);
  const { rows: [problem] } = await knex.raw(
    `SELECT *
     FROM classify_integrity_error(${known.map(([name]) => `${name} => ?`)})`,
    known.map(([, value]) => value));
  return problem;
}

/** Whether it is an error of the server, of class 23. */
export function isIntegrityError(error) {
  return error.severity !== undefined && error.code.startsWith('23');
}
