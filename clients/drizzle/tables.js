// The tables of ../schema.sql as Drizzle's.

import { sql } from 'drizzle-orm';
import {
  customType, date, integer, jsonb, numeric, pgTable, text, timestamp, uuid,
} from 'drizzle-orm/pg-core';

const bytea = customType({ dataType: () => 'bytea' });

export const categories = pgTable('categories', {
  id: integer().primaryKey().generatedByDefaultAsIdentity(),
  name: text().notNull().unique(),
});

export const products = pgTable('products', {
  id: integer().primaryKey().generatedByDefaultAsIdentity(),
  name: text().notNull().unique(),
  price: numeric({ precision: 10, scale: 2 }).notNull().default('0'),
  categoryId: integer('category_id').references(() => categories.id),
  sku: uuid(),
  releasedOn: date('released_on'),
  photo: bytea(),
  tags: text().array().notNull().default(sql`'{}'`),
  properties: jsonb().notNull().default({}),
  note: text(),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
});

const now = () => new Date();

export const customers = pgTable('customers', {
  id: integer().primaryKey().generatedByDefaultAsIdentity(),
  email: text().notNull().unique(),
  state: text().notNull().$defaultFn(() => 'new'),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().$defaultFn(now),
  updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().$onUpdateFn(now),
});
