// duplicate_guard from Drizzle: copy this file.
//
//     const [product, created] = await getOrCreate(
//       db, products, { name: 'lamp' }, { price: '5.00' });
//
// Keys are those of the table's definition; its $defaultFn and $onUpdateFn are
// called, if db.insert() would call them.

import { getTableColumns, is, SQL, sql } from 'drizzle-orm';
import { PgJson, PgJsonb } from 'drizzle-orm/pg-core';
import pg from 'pg';

// What JSON.stringify does not know, as PostgreSQL reads it.
function jsonValue(key, value) {
  const original = this[key]; // Buffer.toJSON() came first
  if (original instanceof Uint8Array) {
    return '\\x' + Buffer.from(original).toString('hex');
  }
  return typeof original === 'bigint' ? original.toString() : value;
}

/** A parameter for jsonb: Drizzle makes a list of parameters of an array. */
export function json(value) {
  return JSON.stringify(value, jsonValue);
}

/** The columns of `record` for select(), read as those of the table are. */
export function recordOf(table) {
  return Object.fromEntries(Object.entries(getTableColumns(table)).map(
    ([key, column]) => [
      key, sql`(record).${sql.identifier(column.name)}`.mapWith(column)]));
}

/** The row, and whether it was created. */
export async function getOrCreate(db, table, lookup, defaults = {}) {
  const key = json(toRow(table, lookup));
  const others = json(toRow(
    table, { ...filledIn(table, { ...lookup, ...defaults }), ...defaults }));
  const [answer] = await db
    .select({ record: recordOf(table), created: sql`was_created` })
    .from(sql`get_or_create(NULL::${table}, ${key}, ${others})`);
  return [answer.record, answer.created];
}

/** The facts of an error for which isIntegrityError() is true. */
export async function classifyIntegrityError(db, { cause }) {
  const { rows: [problem] } = await db.execute(sql`
    SELECT *
    FROM classify_integrity_error(
      message => ${cause.message}, detail => ${cause.detail ?? null},
      sqlstate => ${cause.code}, schema_name => ${cause.schema ?? null},
      table_name => ${cause.table ?? null}, column_name => ${cause.column ?? null},
      constraint_name => ${cause.constraint ?? null},
      datatype_name => ${cause.dataType ?? null})`);
  return problem;
}

export function isIntegrityError({ cause }) {
  return cause instanceof pg.DatabaseError && cause.code.startsWith('23');
}

/** Values by column instead of by key, as Drizzle would store them. */
export function toRow(table, values) {
  const columns = getTableColumns(table);
  return Object.fromEntries(Object.entries(values).map(([key, value]) => {
    const column = columns[key];
    const asIs = value == null || is(column, PgJson) || is(column, PgJsonb);
    // true: an array's elements, not the text of an SQL array
    return [column.name, asIs ? value : column.mapToDriverValue(value, true)];
  }));
}

/** What db.insert() would fill in besides; an expression is the database's. */
function filledIn(table, besides) {
  const values = {};
  for (const [key, column] of Object.entries(getTableColumns(table))) {
    const { default: ofTable, defaultFn, onUpdateFn } = column;
    const fill = defaultFn ?? (ofTable === undefined ? onUpdateFn : undefined);
    const value = key in besides ? undefined : fill?.();
    if (value !== undefined && !is(value, SQL)) values[key] = value;
  }
  return values;
}
