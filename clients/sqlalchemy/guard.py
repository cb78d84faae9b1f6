"""duplicate_guard from SQLAlchemy's ORM: copy this file.

    product, created = get_or_create(session, Product, {"name": "lamp"}, {"price": 5})

Keys are the model's attributes.  Defaults that are Python's, default= and
onupdate=, are sent along; those of the database need not be.  Neither events
of the mapper nor of the session are fired for what the database creates.
"""

import json
from datetime import date, datetime, time
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Enum, bindparam, column, inspect, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator


def json_value(value):
    """What the json module does not know, as PostgreSQL reads it."""
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "\\x" + value.hex()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def plain(value):
    """The same with nothing in it but what every JSON encoder knows."""
    return json.loads(json.dumps(value, default=json_value))


def get_or_create(session, model, lookup, defaults=None):
    """The object of the model, and whether it was created."""
    return _call(
        session, model, "get_or_create", ["was_created"],
        lookup=_row(session, model, lookup),
        defaults=_row(session, model, defaults, fill_in="default", besides=lookup))


def update_or_create(session, model, lookup, defaults, create_defaults=None):
    """The object as it is now, whether it was created, and whether it was updated."""
    if create_defaults is None:
        create_defaults = defaults
    touch = _row(session, model, {}, fill_in="onupdate")
    changes = _row(session, model, defaults)
    created = _row(session, model, create_defaults, fill_in="default", besides=lookup)
    return _call(
        session, model, "update_or_create", ["was_created", "was_updated"],
        lookup=_row(session, model, lookup),
        defaults=changes,
        create_defaults={name: created[name] for name in created.keys() - touch.keys()},
        touch={name: touch[name] for name in touch.keys() - changes.keys()})


def classify_integrity_error(session, error):
    """The facts of an sqlalchemy.exc.IntegrityError, as a named tuple."""
    d = error.orig.diag
    return session.execute(
        text("""SELECT *
                FROM classify_integrity_error(
                    message => :message, detail => :detail, sqlstate => :sqlstate,
                    schema_name => :schema_name, table_name => :table_name,
                    column_name => :column_name, constraint_name => :constraint_name,
                    datatype_name => :datatype_name)"""),
        dict(message=d.message_primary, detail=d.message_detail, sqlstate=d.sqlstate,
             schema_name=d.schema_name, table_name=d.table_name,
             column_name=d.column_name, constraint_name=d.constraint_name,
             datatype_name=d.datatype_name)).one()


def _call(session, model, function, flags, **arguments):
    preparer = session.get_bind(model).dialect.identifier_preparer
    statement = text(
        f"""SELECT (record).*, {', '.join(flags)}
            FROM {function}(NULL::{preparer.format_table(model.__table__)},
                            {', '.join(f'{name} => :{name}' for name in arguments)})"""
    ).bindparams(*(bindparam(name, type_=JSONB) for name in arguments))
    query = select(model, *map(column, flags)).from_statement(statement)
    # The session may have the object already, as it was before.
    return session.execute(
        query, {name: plain(row) for name, row in arguments.items()},
        bind_arguments={"mapper": inspect(model)},
        execution_options={"populate_existing": True}).one()


def _row(session, model, values, fill_in=None, besides=()):
    """Values by column, with what Python would have filled in on INSERT or UPDATE."""
    dialect = session.get_bind(model).dialect
    columns = inspect(model).columns
    row = {columns[key].name: _bound(columns[key], value, dialect)
           for key, value in (values or {}).items()}
    if fill_in:
        omitted = {columns[key].name for key in besides} | row.keys()
        for column in columns:
            default = getattr(column, fill_in)
            if default is None or column.name in omitted:
                continue
            if getattr(default, "is_callable", False):
                row[column.name] = _bound(column, default.arg(None), dialect)
            elif getattr(default, "is_scalar", False):
                row[column.name] = _bound(column, default.arg, dialect)
    return row


def _bound(column, value, dialect):
    """The value as the column's type would send it; SQLAlchemy's enums send names."""
    kind = column.type
    if isinstance(kind, TypeDecorator):
        value, kind = kind.process_bind_param(value, dialect), kind.impl
    if isinstance(kind, Enum):
        processor = kind.bind_processor(dialect)
        value = processor(value) if processor else value
    return value
