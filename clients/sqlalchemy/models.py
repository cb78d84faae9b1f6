"""The tables of ../schema.sql as SQLAlchemy models; 1.4 and 2 take this style."""

import enum
from datetime import datetime, timezone

from sqlalchemy import (
    Column, Date, DateTime, Enum, ForeignKey, Integer, LargeBinary, Numeric, Text)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID
from sqlalchemy.orm import declarative_base, relationship

Base = declarative_base()


def now():
    return datetime.now(timezone.utc)


class Category(Base):
    __tablename__ = "categories"

    id = Column(Integer, primary_key=True)
    name = Column(Text, nullable=False, unique=True)


class Product(Base):
    __tablename__ = "products"

    id = Column(Integer, primary_key=True)
    name = Column(Text, nullable=False, unique=True)
    price = Column(Numeric(10, 2), nullable=False, server_default="0")
    category_id = Column(ForeignKey("categories.id"))
    sku = Column(UUID(as_uuid=True))
    released_on = Column(Date)
    photo = Column(LargeBinary)
    tags = Column(ARRAY(Text), nullable=False, server_default="{}")
    properties = Column(JSONB, nullable=False, server_default="{}")
    note = Column(Text)
    created_at = Column(DateTime(timezone=True), nullable=False, server_default="now()")

    category = relationship(Category)


class State(enum.Enum):
    new = "a customer who has not bought anything"
    active = "one who has"


class Customer(Base):
    __tablename__ = "customers"

    id = Column(Integer, primary_key=True)
    email = Column(Text, nullable=False, unique=True)
    state = Column(Enum(State, native_enum=False), nullable=False, default=State.new)
    created_at = Column(DateTime(timezone=True), nullable=False, default=now)
    updated_at = Column(DateTime(timezone=True), nullable=False, default=now, onupdate=now)
