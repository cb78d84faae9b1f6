// duplicate_guard from TypeORM: copy this file.
//
//     const [product, created] = await getOrCreate(
//       manager, Product, { name: 'lamp' }, { price: '5.00' });
//
// Keys are properties of the entity; transformers of its columns are applied.
// Neither listeners nor subscribers are called for what the database creates.

import { QueryFailedError } from 'typeorm';

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

/** The entity, and whether it was created. */
export async function getOrCreate(manager, target, lookup, defaults = {}) {
  const [row] = await manager.query(
    `SELECT (record).*, was_created
     FROM get_or_create(NULL::${table(manager, target)}, $1, $2)`,
    [json(toRow(manager, target, lookup)), json(toRow(manager, target, defaults))]);
  return [toEntity(manager, target, row), row.was_created];
}

/** The entity as it is now, whether it was created, and whether updated. */
export async function updateOrCreate(
  manager, target, lookup, defaults, createDefaults = defaults,
) {
  const { updateDateColumn } = manager.dataSource.getMetadata(target);
  const touched = updateDateColumn && !(updateDateColumn.propertyName in defaults);
  const touch = touched ? { [updateDateColumn.propertyName]: new Date() } : {};
  const [row] = await manager.query(
    `SELECT (record).*, was_created, was_updated
     FROM update_or_create(NULL::${table(manager, target)}, $1, $2, $3, $4)`,
    [lookup, defaults, createDefaults, touch].map(
      (values) => json(toRow(manager, target, values))));
  return [toEntity(manager, target, row), row.was_created, row.was_updated];
}

/** A row of a query, with the table's columns, as an entity. */
export function toEntity(manager, target, row) {
  const { driver } = manager.dataSource;
  const metadata = manager.dataSource.getMetadata(target);
  const entity = metadata.create();
  for (const column of metadata.columns) {
    column.setEntityValue(
      entity, driver.prepareHydratedValue(row[column.databaseName], column));
  }
  return entity;
}

/** Values by column instead of by property, as TypeORM would store them. */
export function toRow(manager, target, values) {
  const { driver } = manager.dataSource;
  const metadata = manager.dataSource.getMetadata(target);
  return Object.fromEntries(Object.entries(values).map(([property, value]) => {
    const column = metadata.findColumnWithPropertyPath(property);
    const stored = driver.preparePersistentValue(value, column);
    const isText = ['json', 'jsonb'].includes(column.type) && stored != null;
    return [column.databaseName, isText ? JSON.parse(stored) : stored];
  }));
}

/** The facts of an error for which isIntegrityError() is true. */
export async function classifyIntegrityError(manager, { driverError }) {
  const [problem] = await manager.query(
    `SELECT *
     FROM classify_integrity_error(
       message => $1, detail => $2, sqlstate => $3,
       schema_name => $4, table_name => $5, column_name => $6,
       constraint_name => $7, datatype_name => $8)`,
    [driverError.message, driverError.detail, driverError.code,
      driverError.schema, driverError.table, driverError.column,
      driverError.constraint, driverError.dataType]);
  return problem;
}

export function isIntegrityError(error) {
  return error instanceof QueryFailedError
    && (error.driverError.code?.startsWith('23') ?? false);
}

function table(manager, target) {
  const { driver } = manager.dataSource;
  const { tablePath } = manager.dataSource.getMetadata(target);
  return tablePath.split('.').map((name) => driver.escape(name)).join('.');
}
