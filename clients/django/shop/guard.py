"""duplicate_guard from Django: copy this file.

    class Product(models.Model):
        objects = models.Manager()
        guarded = GuardManager()

    product, created = Product.guarded.get_or_create(name="lamp", defaults={"price": 5})

The signatures are those of Django's own methods.  As always when objects are
written in bulk, save() is not called and no signals are sent.
"""

import json
from datetime import date, datetime, time
from decimal import Decimal
from uuid import UUID

from django.db import connections, models, router


def json_value(value):
    """What the json module does not know, as PostgreSQL reads it.

    DjangoJSONEncoder will not do: it cuts off microseconds and knows no bytes.
    """
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "\\x" + value.hex()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def to_json(value):
    return json.dumps(value, default=json_value)


def classify_integrity_error(error, using="default"):
    """The facts of a django.db.IntegrityError, as a dictionary."""
    d = error.__cause__.diag
    with connections[using].cursor() as cursor:
        cursor.execute(
            """SELECT to_jsonb(classify_integrity_error(
                   message => %s, detail => %s, sqlstate => %s,
                   schema_name => %s, table_name => %s, column_name => %s,
                   constraint_name => %s, datatype_name => %s))::text""",
            (d.message_primary, d.message_detail, d.sqlstate,
             d.schema_name, d.table_name, d.column_name,
             d.constraint_name, d.datatype_name))
        return json.loads(cursor.fetchone()[0])


class GuardManager(models.Manager):

    def get_or_create(self, defaults=None, **lookup):
        row = self._row({**lookup, **(defaults or {})})
        key = self._take(row, lookup)
        found, = self._call("get_or_create", "was_created", to_json(key), to_json(row))
        return found, found.was_created

    def update_or_create(self, defaults=None, create_defaults=None, **lookup):
        """The object says in was_updated whether anything differed."""
        defaults = defaults or {}
        if create_defaults is None:
            create_defaults = defaults
        row = self._row({**lookup, **create_defaults})
        key = self._take(row, lookup)
        touch = self._take(row, [
            field.name for field in self.model._meta.local_concrete_fields
            if getattr(field, "auto_now", False)])
        changes = self._take(self._row({**lookup, **defaults}), defaults)
        changes = {column: changes[column] for column in changes.keys() - touch.keys()}
        found, = self._call(
            "update_or_create", "was_created, was_updated",
            to_json(key), to_json(changes), to_json(row), to_json(touch))
        return found, found.was_created

    def get_or_create_many(self, rows, key_fields):
        """A list of objects and flags, in the order of these dictionaries."""
        found = self._call(
            "get_or_create_many", "was_created",
            to_json([self._row(row) for row in rows]), self._columns(key_fields))
        return [(one, one.was_created) for one in found]

    def try_create(self, **values):
        """The new object and None, or None and the error as a dictionary."""
        new, = self._call(
            "try_create", "was_created, to_jsonb(error)::text AS error",
            to_json(self._row(values)))
        return (new, None) if new.was_created else (None, json.loads(new.error))

    def _call(self, function, flags, *arguments):
        """The answers as objects of the model, with the flags as attributes."""
        # A SELECT, but one that writes: raw() alone would ask for a database to read.
        using = self._db or router.db_for_write(self.model, **self._hints)
        table = connections[using].ops.quote_name(self.model._meta.db_table)
        casts = ["%s::text[]" if isinstance(a, list) else "%s::jsonb" for a in arguments]
        query = f"SELECT (record).*, {flags} FROM {function}(NULL::{table}, {', '.join(casts)})"
        return self.db_manager(using).raw(query, arguments)

    def _row(self, values):
        """What save() would insert, by column: with default=, auto_now and the like."""
        new = self.model(**{
            name: value() if callable(value) else value for name, value in values.items()})
        row = {}
        for field in self.model._meta.local_concrete_fields:
            if getattr(field, "generated", False):
                continue
            value = field.pre_save(new, add=True)
            if field.primary_key and value is None or hasattr(value, "resolve_expression"):
                continue                # the database fills it in
            if isinstance(field, models.JSONField):
                value = json.loads(json.dumps(value, cls=field.encoder))
            else:
                value = field.get_prep_value(value)
            row[field.column] = value
        return row

    def _columns(self, names):
        return [self.model._meta.get_field(name).column for name in names]

    def _take(self, row, names):
        return {column: row.pop(column) for column in self._columns(names)}
