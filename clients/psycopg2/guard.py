"""duplicate_guard from psycopg2: copy this file."""

import json
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from uuid import UUID

from psycopg2 import sql
from psycopg2.extras import Json, NamedTupleCursor, RealDictCursor


def json_value(value):
    """What the json module does not know, as PostgreSQL reads it."""
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "\\x" + value.hex()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


jsonb = partial(Json, dumps=partial(json.dumps, default=json_value))


def get_or_create(conn, model, lookup, defaults=None):
    """The row as an object of the class model, and whether it was created."""
    query = sql.SQL(
        """SELECT (g.record).*, g.was_created
           FROM get_or_create(NULL::{}, %s, %s) AS g"""
    ).format(sql.Identifier(model.table))
    with conn.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(query, (jsonb(lookup), jsonb(defaults or {})))
        columns = cursor.fetchone()
    created = columns.pop("was_created")
    return model(**columns), created


def classify_integrity_error(conn, error):
    """The facts of a psycopg2.IntegrityError, as a named tuple."""
    d = error.diag
    with conn.cursor(cursor_factory=NamedTupleCursor) as cursor:
        cursor.execute(
            """SELECT *
               FROM classify_integrity_error(
                   message => %s, detail => %s, sqlstate => %s,
                   schema_name => %s, table_name => %s, column_name => %s,
                   constraint_name => %s, datatype_name => %s)""",
            (d.message_primary, d.message_detail, d.sqlstate,
             d.schema_name, d.table_name, d.column_name,
             d.constraint_name, d.datatype_name))
        return cursor.fetchone()
