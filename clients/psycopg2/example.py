"""duplicate_guard from psycopg2, by example."""

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import ClassVar, Optional
from uuid import UUID

import psycopg2
from psycopg2.extras import Json, register_composite, register_uuid

from guard import classify_integrity_error, get_or_create, jsonb
from tap import at_once, example, fails, run


@dataclass
class Product:
    table: ClassVar[str] = "products"

    id: int
    name: str
    price: Decimal
    category_id: Optional[int]
    sku: Optional[UUID]
    released_on: Optional[date]
    photo: Optional[memoryview]
    tags: list
    properties: dict
    note: Optional[str]
    created_at: datetime


def fetch(conn, query, parameters=()):
    with conn.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchone()


# ----- the row as an object, and whether it is new ---------------------------

@example
def get_or_create_gives_a_product_and_a_flag(conn):
    product, created = get_or_create(
        conn, Product, {"name": "xiomi_mi12"}, {"price": Decimal("199.90")})
    assert created and product.price == Decimal("199.90")

    again, created = get_or_create(
        conn, Product, {"name": "xiomi_mi12"}, {"price": Decimal("249.90")})
    assert not created and again == product
    conn.commit()


@example
def values_of_all_types_go_through(conn):
    register_uuid(conn_or_curs=conn)    # else UUIDs arrive as str

    values = dict(
        price=Decimal("12345678.90"),
        sku=UUID("d9428888-122b-11e1-b85c-61cd3cbb3210"),
        released_on=date(2024, 2, 29),
        photo=b"\x89PNG\x00\xff",
        tags=["green", 'with "quotes", commas', "NULL", "ünï"],
        properties={"size": [1, 2], "deep": {"null": None}},
        note=None,
        created_at=datetime(2024, 2, 29, 23, 59, 59, 123456,
                            timezone(timedelta(hours=2))))
    product, created = get_or_create(conn, Product, {"name": "Ångström"}, values)
    assert created and product.name == "Ångström"
    photo = values.pop("photo")
    assert product.photo != photo and bytes(product.photo) == photo     # a memoryview
    for column, value in values.items():
        assert getattr(product, column) == value, column
    conn.commit()


@example
def without_a_class_the_record_is_a_named_tuple(conn):
    register_composite("products", conn)

    with conn.cursor() as cursor:
        cursor.execute(
            "SELECT record, was_created FROM get_or_create(NULL::products, %s)",
            (Json({"name": "xiomi_mi12"}),))
        product, created = cursor.fetchone()
    assert not created and product.price == Decimal("199.90")
    conn.commit()


# ----- in a transaction, and many at once ------------------------------------

@example
def in_a_transaction_it_is_rolled_back_with_the_rest(conn):
    product, created = get_or_create(conn, Product, {"name": "undone"})
    assert created
    conn.rollback()
    assert not fetch(conn, "SELECT FROM products WHERE name = 'undone'")
    conn.commit()


@example
def eight_threads_at_once_create_each_row_once(conn):
    names = [f"thread {n}" for n in range(20)]

    def import_names(number):
        mine = psycopg2.connect("")
        with mine:                      # one transaction for all of them
            answers = [get_or_create(mine, Product, {"name": name}) for name in names]
            assert fetch(mine, "SELECT 'still usable'")
        mine.close()
        return answers

    answers = at_once(import_names)
    for of_one_name in zip(*answers):
        assert len({product.id for product, created in of_one_name}) == 1
        assert sum(created for product, created in of_one_name) == 1


# ----- errors as data --------------------------------------------------------

@example
def an_integrity_error_becomes_a_message_of_the_form(conn):
    errors = {}
    try:
        with conn, conn.cursor() as cursor:
            cursor.execute(
                "INSERT INTO products (name, price) VALUES (%s, %s)",
                ("lamp", Decimal("-1")))
    except psycopg2.IntegrityError as error:
        # "with conn" has rolled back: in a failed transaction nothing can be called
        problem = classify_integrity_error(conn, error)
        for column in problem.columns or ["form"]:
            errors[column] = problem.user_message
    assert errors == {"price": "The price must not be negative."}
    assert problem.kind == "check_violation" and problem.http_status == 422

    with conn, conn.cursor() as cursor:
        cursor.execute("INSERT INTO categories (name) VALUES ('kept')")
        cursor.execute("SAVEPOINT attempt")
        try:
            cursor.execute("INSERT INTO products (name) VALUES ('xiomi_mi12')")
        except psycopg2.IntegrityError as error:
            cursor.execute("ROLLBACK TO attempt")
            problem = classify_integrity_error(conn, error)
    assert problem.columns == ["name"] and problem.key_values == ["xiomi_mi12"]
    assert problem.user_message == "A product with this name already exists."
    assert fetch(conn, "SELECT FROM categories WHERE name = 'kept'") == ()
    conn.commit()


@example
def try_create_gives_the_error_instead_of_raising_it(conn):
    form = {"name": "chair", "price": Decimal("5"), "category_id": 7}

    with conn, conn.cursor() as cursor:
        cursor.execute(
            """SELECT was_created, (record).id, to_jsonb(error)
               FROM try_create(NULL::products, %s)""", (jsonb(form),))
        created, product_id, error = cursor.fetchone()
    assert not created and product_id is None
    assert error["columns"] == ["category_id"]
    assert error["user_message"] == "This category does not exist."


@example
def find_conflicts_tells_everything_that_is_wrong(conn):
    form = {"name": "xiomi_mi12", "price": Decimal("-5"), "category_id": 7}

    with conn, conn.cursor() as cursor:
        cursor.execute(
            "SELECT kind, columns FROM find_conflicts(NULL::products, %s)",
            (jsonb(form),))
        wrong = cursor.fetchall()
    assert wrong == [
        ("check_violation", ["price"]),
        ("unique_violation", ["name"]),
        ("foreign_key_missing", ["category_id"])]


# ----- batches and updates ---------------------------------------------------

@example
def a_batch_is_one_call(conn):
    rows = [{"name": "pen", "price": Decimal("1.20")},
            {"name": "xiomi_mi12"},
            {"name": "pen"}]
    with conn, conn.cursor() as cursor:
        cursor.execute(
            """SELECT (record).id, (record).price, was_created
               FROM get_or_create_many(NULL::products, %s, key_columns => %s)
               ORDER BY ordinality""", (jsonb(rows), ["name"]))
        answers = cursor.fetchall()
    assert [created for id, price, created in answers] == [True, False, False]
    assert answers[0][0] == answers[2][0]
    assert answers[2][1] == Decimal("1.20")


@example
def update_or_create_writes_only_what_differs(conn):
    def set_price(price):
        with conn:
            return fetch(
                conn,
                """SELECT (record).price, was_created, was_updated
                   FROM update_or_create(NULL::products, %s, %s)""",
                (jsonb({"name": "desk"}), jsonb({"price": price})))

    assert set_price(Decimal("90")) == (Decimal("90.00"), True, False)
    assert set_price(Decimal("90")) == (Decimal("90.00"), False, False)
    assert set_price(Decimal("95")) == (Decimal("95.00"), False, True)


# ----- what bites ------------------------------------------------------------

@example
def a_plain_dict_is_not_adapted(conn):
    query = "SELECT was_created FROM get_or_create(NULL::products, %s)"

    with fails(psycopg2.ProgrammingError, "can't adapt type 'dict'"), conn:
        fetch(conn, query, ({"name": "bite"},))
    with conn:
        assert fetch(conn, query, (Json({"name": "bite"}),)) == (True,)


@example
def a_list_becomes_an_array_and_not_json(conn):
    query = "SELECT was_created FROM get_or_create_many(NULL::products, %s, '{name}')"
    rows = [{"name": "list"}]

    with fails(psycopg2.errors.UndefinedFunction,
               "function get_or_create_many(products, jsonb[], unknown) does not exist"), conn:
        fetch(conn, query.replace("%s", "%s::jsonb[]"), ([Json(row) for row in rows],))
    with conn:
        assert fetch(conn, query, (Json(rows),)) == (True,)


@example
def Json_is_a_literal_without_a_type_a_cast_to_json_is_one_too_many(conn):
    query = "SELECT was_created FROM get_or_create(NULL::products, %s)"

    with fails(psycopg2.errors.UndefinedFunction,
               "function get_or_create(products, json) does not exist"), conn:
        fetch(conn, query.replace("%s", "%s::json"), (Json({"name": "bite"}),))
    with conn:
        assert fetch(conn, query, (Json({"name": "bite"}),)) == (False,)
        assert fetch(conn, query, (json.dumps({"name": "bite"}),)) == (False,)


@example
def Json_alone_knows_no_decimals_dates_uuids_and_bytes(conn):
    query = "SELECT was_created FROM get_or_create(NULL::products, %s, %s)"
    defaults = {"price": Decimal("1.10")}

    with fails(TypeError, "Decimal is not JSON serializable"), conn:
        fetch(conn, query, (Json({"name": "encoded"}), Json(defaults)))
    with conn:
        assert fetch(conn, query, (Json({"name": "encoded"}), jsonb(defaults))) == (True,)


@example
def bytes_as_base64_are_refused_not_stored_as_text(conn):
    query = "SELECT was_created FROM get_or_create(NULL::products, %s, %s)"

    with fails(psycopg2.errors.InvalidTextRepresentation,
               "invalid value for bytea column"), conn:
        fetch(conn, query, (jsonb({"name": "photo"}), jsonb({"photo": "aGVsbG8="})))
    with conn:
        assert fetch(conn, query, (jsonb({"name": "photo"}), jsonb({"photo": b"hello"}))) == (True,)


@example
def without_a_rollback_nothing_can_be_called(conn):
    try:
        fetch(conn, "INSERT INTO products (name) VALUES ('xiomi_mi12')")
    except psycopg2.IntegrityError as error:
        with fails(psycopg2.errors.InFailedSqlTransaction,
                   "current transaction is aborted"):
            classify_integrity_error(conn, error)
        conn.rollback()
        assert classify_integrity_error(conn, error).columns == ["name"]
    conn.commit()


@example
def what_only_the_application_fills_in_must_be_sent(conn):
    query = "SELECT was_created FROM get_or_create(NULL::customers, %s, %s)"
    lookup = jsonb({"email": "ann@example.org"})
    now = datetime.now(timezone.utc)

    with fails(psycopg2.errors.NotNullViolation), conn:
        fetch(conn, query, (lookup, jsonb({"state": "new"})))
    with conn:
        assert fetch(conn, query, (lookup, jsonb(
            {"state": "new", "created_at": now, "updated_at": now}))) == (True,)


run(psycopg2.connect(""))
