// duplicate_guard from Sequelize 6: copy this file.
//
//     class Product extends GuardedModel {}
//
//     const [product, created] = await Product.getOrCreate({
//       where: { name: 'lamp' }, defaults: { price: '5.00' } });
//
// Defaults and timestamps of the model are sent along.  Neither validations nor
// hooks run for what the database creates or updates.

import { Model, QueryTypes, Utils } from 'sequelize';

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

export class GuardedModel extends Model {
  /** Takes and gives what findOrCreate does; `where` holds values only. */
  static async getOrCreate({ where, defaults = {}, transaction }) {
    return call(this, 'get_or_create', ['was_created'], transaction, {
      lookup: columns(this, where),
      defaults: newRow(this, defaults, where),
    });
  }

  /** The instance as it is now, whether it was created, and whether updated. */
  static async updateOrCreate({
    where, defaults, createDefaults = defaults, transaction,
  }) {
    const { updatedAt } = this._timestampAttributes;
    const touch = updatedAt && !(updatedAt in defaults)
      ? { [updatedAt]: new Date() } : {};
    return call(this, 'update_or_create', ['was_created', 'was_updated'], transaction, {
      lookup: columns(this, where),
      defaults: columns(this, defaults),
      create_defaults: newRow(this, createDefaults, { ...where, ...touch }),
      touch: columns(this, touch),
    });
  }
}

/** The facts of an error for which isIntegrityError() is true. */
export async function classifyIntegrityError(sequelize, { parent }, options = {}) {
  const fields = [parent.message, parent.detail, parent.code,
    parent.schema, parent.table, parent.column, parent.constraint, parent.dataType];

  return sequelize.query(
    `SELECT *
     FROM classify_integrity_error(
       message => $1, detail => $2, sqlstate => $3,
       schema_name => $4, table_name => $5, column_name => $6,
       constraint_name => $7, datatype_name => $8)`,
    {
      ...options,
      type: QueryTypes.SELECT,
      plain: true,
      bind: fields.map((field) => field ?? null),
    });
}

export function isIntegrityError(error) {
  return error.parent?.code?.startsWith('23') ?? false;
}

async function call(model, sqlFunction, flags, transaction, parameters) {
  const { sequelize } = model;
  const { queryGenerator } = sequelize.getQueryInterface();
  const table = queryGenerator.quoteTable(model.getTableName());
  const list = Object.keys(parameters).map((name) => `${name} => $${name}`);
  const bind = Object.entries(parameters).map(([name, row]) => [name, json(row)]);

  const instance = await sequelize.query(
    `SELECT (record).*, ${flags.join()}
     FROM ${sqlFunction}(NULL::${table}, ${list.join()})`,
    {
      model,
      mapToModel: true,
      plain: true,
      useMaster: true, // a SELECT, but one that writes
      transaction,
      bind: Object.fromEntries(bind),
    });
  const answer = [instance, ...flags.map((flag) => instance.get(flag))];
  flags.forEach((flag) => delete instance.dataValues[flag]);
  return answer;
}

/** Values by column instead of by attribute. */
function columns(model, values) {
  return Object.fromEntries(Object.entries(values).map(
    ([name, value]) => [model.rawAttributes[name]?.field ?? name, value]));
}

/** By column, with what Sequelize would have filled in on INSERT. */
function newRow(model, values, besides) {
  const { createdAt, updatedAt } = model._timestampAttributes;
  const row = { ...model.build(values).dataValues };
  for (const attribute of [createdAt, updatedAt]) {
    if (attribute) row[attribute] ??= new Date();
  }
  const sent = ([name, value]) => name in model.tableAttributes
    && !(name in besides)
    && (name in values || value !== null) // build() has no id yet
    && !(value instanceof Utils.SequelizeMethod); // a default of the database
  return columns(model, Object.fromEntries(Object.entries(row).filter(sent)));
}
