// The tables of ../schema.sql as Sequelize's models.

import { DataTypes, Sequelize } from 'sequelize';
import { GuardedModel } from './guard.js';

export const connection = {
  dialect: 'postgres',
  host: process.env.PGHOST,
  port: process.env.PGPORT,
  username: process.env.PGUSER,
  password: process.env.PGPASSWORD,
  database: process.env.PGDATABASE,
  logging: false,
};

export const sequelize = new Sequelize({ ...connection, pool: { max: 10 } });

export class Product extends GuardedModel {}

Product.init({
  name: { type: DataTypes.TEXT, allowNull: false, unique: true },
  price: { type: DataTypes.DECIMAL(10, 2), allowNull: false },
  categoryId: DataTypes.INTEGER,
  sku: DataTypes.UUID,
  releasedOn: DataTypes.DATEONLY,
  photo: DataTypes.BLOB,
  tags: DataTypes.ARRAY(DataTypes.TEXT),
  properties: DataTypes.JSONB,
  note: DataTypes.TEXT,
  label: {
    type: DataTypes.VIRTUAL,
    get() { return `${this.name}, ${this.price}`; },
  },
}, { sequelize, tableName: 'products', underscored: true, updatedAt: false });

export class Customer extends GuardedModel {}

Customer.init({
  email: { type: DataTypes.TEXT, allowNull: false, unique: true },
  state: { type: DataTypes.TEXT, allowNull: false, defaultValue: 'new' },
}, { sequelize, tableName: 'customers', underscored: true });
