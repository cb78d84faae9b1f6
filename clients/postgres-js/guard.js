// duplicate_guard from postgres.js: copy this file.
//
//     const sql = postgres({ types: { json } });
//
//     const [product, created] =
//       await getOrCreate(sql, 'products', { name: 'lamp' }, { price: '5.00' });

import postgres from 'postgres';

// What JSON.stringify does not know, as PostgreSQL reads it.
function jsonValue(key, value) {
  const original = this[key]; // Buffer.toJSON() came first
  if (original instanceof Uint8Array) {
    return '\\x' + Buffer.from(original).toString('hex');
  }
  return typeof original === 'bigint' ? original.toString() : value;
}

/** The type json and jsonb, which knows Buffer and BigInt. */
export const json = {
  to: 3802,
  from: [114, 3802],
  serialize: (value) => JSON.stringify(value, jsonValue),
  parse: JSON.parse,
};

/** The row, and whether it was created. */
export async function getOrCreate(sql, table, lookup, defaults = {}) {
  const [{ was_created, ...row }] = await sql`
    SELECT (record).*, was_created
    FROM get_or_create(NULL::${sql(table)}, ${lookup}, ${defaults})`;
  return [row, was_created];
}

/** The facts of a PostgresError of class 23. */
export async function classifyIntegrityError(sql, error) {
  const [problem] = await sql`
    SELECT *
    FROM classify_integrity_error(
      message => ${error.message}, detail => ${error.detail ?? null},
      sqlstate => ${error.code}, schema_name => ${error.schema_name ?? null},
      table_name => ${error.table_name ?? null},
      column_name => ${error.column_name ?? null},
      constraint_name => ${error.constraint_name ?? null},
      datatype_name => ${error['data type_name'] ?? null})`;
  return problem;
}

export function isIntegrityError(error) {
  return error instanceof postgres.PostgresError && error.code.startsWith('23');
}
