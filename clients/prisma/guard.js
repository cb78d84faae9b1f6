// duplicate_guard from Prisma 7: copy this file.
//
//     const prisma = new PrismaClient({ adapter }).$extends(duplicateGuard);
//
//     const [product, created] = await prisma.product.getOrCreate({
//       where: { name: 'lamp' }, create: { name: 'lamp', price: '5.00' } });

import { Prisma } from './generated/index.js';

// What JSON.stringify does not know, as PostgreSQL reads it.
function jsonValue(key, value) {
  const original = this[key]; // Buffer.toJSON() came first
  if (original instanceof Uint8Array) {
    return '\\x' + Buffer.from(original).toString('hex');
  }
  return typeof original === 'bigint' ? original.toString() : value;
}

/** A parameter for jsonb: the driver makes an SQL array of a plain array. */
export function json(value) {
  return JSON.stringify(value, jsonValue);
}

/** Takes what upsert does; `where` holds the values of a unique key only. */
async function getOrCreate({ where, create = {} }) {
  const { $name, $parent: prisma } = Prisma.getExtensionContext(this);
  const model = Prisma.dmmf.datamodel.models.find(({ name }) => name === $name);
  const defaults = Object.fromEntries(
    Object.entries(create).filter(([field]) => !(field in where)));

  const [{ was_created, ...row }] = await prisma.$queryRaw`
    SELECT (record).*, was_created
    FROM get_or_create(NULL::${tableOf(model)},
      ${json(toRow(model, where))}, ${json(toRow(model, defaults))})`;
  return [toObject(model, row), was_created];
}

export const duplicateGuard = Prisma.defineExtension({
  name: 'duplicate_guard',
  model: { $allModels: { getOrCreate } },
});

/** The facts of an error for which isIntegrityError() is true. */
export async function classifyIntegrityError(prisma, error) {
  const { cause } = error.meta.driverAdapterError;
  const [problem] = await prisma.$queryRaw`
    SELECT kind, columns, key_values, constraint_name, http_status, user_message
    FROM classify_integrity_error(
      message => ${cause.originalMessage}, detail => ${cause.detail},
      sqlstate => ${cause.originalCode}, table_name => ${cause.table},
      constraint_name => ${cause.constraint?.index})`;
  return problem;
}

export function isIntegrityError(error) {
  const { originalCode } = error.meta?.driverAdapterError?.cause ?? {};
  return originalCode?.startsWith('23') ?? false;
}

function tableOf({ name, dbName, schema }) {
  const parts = [schema, dbName ?? name].filter(Boolean);
  return Prisma.raw(parts.map((part) => `"${part.replaceAll('"', '""')}"`).join('.'));
}

function scalarsOf(model) {
  return model.fields.filter(({ kind }) => kind !== 'object')
    .map(({ name, dbName }) => [name, dbName ?? name]);
}

/** Values by column instead of by field. */
function toRow(model, values) {
  const columns = Object.fromEntries(scalarsOf(model));
  return Object.fromEntries(Object.entries(values).map(
    ([field, value]) => [columns[field] ?? field, value]));
}

/** And back: the object that the model's own methods give. */
function toObject(model, row) {
  return Object.fromEntries(scalarsOf(model).map(
    ([field, column]) => [field, row[column]]));
}
