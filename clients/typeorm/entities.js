// The tables of ../schema.sql as TypeORM's entities.

import { DataSource, EntitySchema } from 'typeorm';

export class Product {}

const productSchema = new EntitySchema({
  name: 'Product',
  target: Product,
  tableName: 'products',
  columns: {
    id: { type: 'integer', primary: true, generated: true },
    name: { type: 'text', unique: true },
    price: { type: 'numeric', precision: 10, scale: 2, default: 0 },
    categoryId: { name: 'category_id', type: 'integer', nullable: true },
    sku: { type: 'uuid', nullable: true },
    releasedOn: { name: 'released_on', type: 'date', nullable: true },
    photo: { type: 'bytea', nullable: true },
    tags: { type: 'text', array: true, default: [] },
    properties: { type: 'jsonb', default: {} },
    note: { type: 'text', nullable: true },
    createdAt: { name: 'created_at', type: 'timestamptz', createDate: true },
  },
});

export class Customer {}

// Stored by its first letter alone.
const state = {
  to: (value) => value?.charAt(0),
  from: (value) => ({ n: 'new', a: 'active', g: 'gone' })[value],
};

const customerSchema = new EntitySchema({
  name: 'Customer',
  target: Customer,
  tableName: 'customers',
  columns: {
    id: { type: 'integer', primary: true, generated: true },
    email: { type: 'text', unique: true },
    state: { type: 'text', transformer: state },
    createdAt: { name: 'created_at', type: 'timestamptz', createDate: true },
    updatedAt: { name: 'updated_at', type: 'timestamptz', updateDate: true },
  },
});

export const dataSource = new DataSource({
  type: 'postgres',
  host: process.env.PGHOST,
  port: process.env.PGPORT,
  username: process.env.PGUSER,
  password: process.env.PGPASSWORD,
  database: process.env.PGDATABASE,
  entities: [productSchema, customerSchema],
});
