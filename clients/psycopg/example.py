"""duplicate_guard from psycopg 3, by example."""

import asyncio
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import ClassVar, Optional
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from psycopg.types.composite import CompositeInfo, register_composite
from psycopg.types.json import Json, Jsonb

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
    photo: Optional[bytes]
    tags: list
    properties: dict
    note: Optional[str]
    created_at: datetime


# ----- the row as an object, and whether it is new ---------------------------

@example
def get_or_create_gives_a_product_and_a_flag(conn):
    product, created = get_or_create(
        conn, Product, {"name": "xiomi_mi12"}, {"price": Decimal("199.90")})
    assert created and product.price == Decimal("199.90")

    again, created = get_or_create(
        conn, Product, {"name": "xiomi_mi12"}, {"price": Decimal("249.90")})
    assert not created and again == product


@example
def values_of_all_types_go_through(conn):
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
    for column, value in values.items():
        assert getattr(product, column) == value, column


@example
def without_a_class_the_record_is_a_named_tuple(conn):
    register_composite(CompositeInfo.fetch(conn, "products"), conn)

    product, created = conn.execute(
        "SELECT record, was_created FROM get_or_create(NULL::products, %s)",
        (Jsonb({"name": "xiomi_mi12"}),)).fetchone()
    assert not created and product.price == Decimal("199.90")


@example
def the_row_can_be_locked_and_the_deciding_index_named(conn):
    with conn.transaction():
        conn.execute(
            """SELECT FROM get_or_create(NULL::products, %s,
                   arbiter => 'products_name_key', lock_strength => 'update')""",
            (Jsonb({"name": "xiomi_mi12"}),))
        with psycopg.connect() as other:
            with fails(psycopg.errors.LockNotAvailable):
                other.execute("SELECT FROM products WHERE name = 'xiomi_mi12' FOR UPDATE NOWAIT")


# ----- in a transaction, and many at once ------------------------------------

@example
def in_a_transaction_it_is_rolled_back_with_the_rest(conn):
    with conn.transaction(force_rollback=True):
        product, created = get_or_create(conn, Product, {"name": "undone"})
        assert created
    assert not conn.execute("SELECT FROM products WHERE name = 'undone'").fetchone()


@example
def eight_threads_at_once_create_each_row_once(conn):
    names = [f"thread {n}" for n in range(20)]

    def import_names(number):
        with psycopg.connect() as mine:         # one transaction for all of them
            answers = [get_or_create(mine, Product, {"name": name}) for name in names]
            assert mine.execute("SELECT 'still usable'").fetchone()
            mine.commit()
        return answers

    answers = at_once(import_names)
    for of_one_name in zip(*answers):
        assert len({product.id for product, created in of_one_name}) == 1
        assert sum(created for product, created in of_one_name) == 1


@example
def eight_tasks_at_once_create_a_row_once(conn):
    async def one():
        async with await psycopg.AsyncConnection.connect() as mine:
            cursor = await mine.execute(
                "SELECT was_created FROM get_or_create(NULL::products, %s)",
                (Jsonb({"name": "tasks"}),))
            created, = await cursor.fetchone()
            return created

    async def eight():
        return await asyncio.gather(*(one() for task in range(8)))

    assert sum(asyncio.run(eight())) == 1


# ----- errors as data --------------------------------------------------------

@example
def an_integrity_error_becomes_a_message_of_the_form(conn):
    errors = {}
    with conn.transaction():
        try:
            with conn.transaction():            # a savepoint
                conn.execute(
                    "INSERT INTO products (name, price) VALUES (%s, %s)",
                    ("lamp", Decimal("-1")))
        except psycopg.errors.IntegrityError as error:
            # after the savepoint: in a failed transaction nothing can be called
            problem = classify_integrity_error(conn, error)
            for column in problem.columns or ["form"]:
                errors[column] = problem.user_message
    assert errors == {"price": "The price must not be negative."}
    assert problem.kind == "check_violation" and problem.http_status == 422

    try:
        with conn.transaction():
            conn.execute("INSERT INTO products (name) VALUES ('xiomi_mi12')")
    except psycopg.errors.IntegrityError as error:
        problem = classify_integrity_error(conn, error)
    assert problem.columns == ["name"] and problem.key_values == ["xiomi_mi12"]
    assert problem.user_message == "A product with this name already exists."


@example
def try_create_gives_the_error_instead_of_raising_it(conn):
    form = {"name": "chair", "price": Decimal("5"), "category_id": 7}

    created, product_id, error = conn.execute(
        """SELECT was_created, (record).id, to_jsonb(error)
           FROM try_create(NULL::products, %s)""", (jsonb(form),)).fetchone()
    assert not created and product_id is None
    assert error["columns"] == ["category_id"]
    assert error["user_message"] == "This category does not exist."


@example
def find_conflicts_tells_everything_that_is_wrong(conn):
    form = {"name": "xiomi_mi12", "price": Decimal("-5"), "category_id": 7}

    wrong = conn.execute(
        "SELECT kind, columns FROM find_conflicts(NULL::products, %s)",
        (jsonb(form),)).fetchall()
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
    cursor = conn.cursor(row_factory=dict_row)
    answers = cursor.execute(
        """SELECT (g.record).*, g.was_created
           FROM get_or_create_many(NULL::products, %s, key_columns => %s) AS g
           ORDER BY g.ordinality""", (jsonb(rows), ["name"])).fetchall()
    assert [a["was_created"] for a in answers] == [True, False, False]
    assert answers[0]["id"] == answers[2]["id"]
    assert answers[2]["price"] == Decimal("1.20")


@example
def update_or_create_writes_only_what_differs(conn):
    def set_price(price):
        return conn.execute(
            """SELECT (record).price, was_created, was_updated
               FROM update_or_create(NULL::products, %s, %s)""",
            (jsonb({"name": "desk"}), jsonb({"price": price}))).fetchone()

    assert set_price(Decimal("90")) == (Decimal("90.00"), True, False)
    assert set_price(Decimal("90")) == (Decimal("90.00"), False, False)
    assert set_price(Decimal("95")) == (Decimal("95.00"), False, True)


# ----- what bites ------------------------------------------------------------

@example
def Json_is_json_but_the_functions_take_jsonb(conn):
    query = "SELECT was_created FROM get_or_create(NULL::products, %s)"

    with fails(psycopg.errors.UndefinedFunction,
               "function get_or_create(products, json) does not exist"):
        conn.execute(query, (Json({"name": "bite"}),))
    assert conn.execute(query, (Jsonb({"name": "bite"}),)).fetchone() == (True,)


@example
def a_plain_dict_is_not_adapted(conn):
    query = "SELECT was_created FROM get_or_create(NULL::products, %s)"

    with fails(psycopg.ProgrammingError, "cannot adapt type 'dict'"):
        conn.execute(query, ({"name": "bite"},))


@example
def a_parameter_inside_of_jsonb_build_object_needs_its_type(conn):
    query = """SELECT was_created
               FROM get_or_create(NULL::products, jsonb_build_object('name', {}))"""

    with fails(psycopg.errors.IndeterminateDatatype,
               "could not determine data type of parameter $1"):
        conn.execute(query.format("%s"), ("bite",))
    assert conn.execute(query.format("%s::text"), ("bite",)).fetchone() == (False,)


@example
def Jsonb_alone_knows_no_decimals_dates_uuids_and_bytes(conn):
    query = "SELECT was_created FROM get_or_create(NULL::products, %s, %s)"
    defaults = {"price": Decimal("1.10")}

    with fails(TypeError, "Decimal is not JSON serializable"):
        conn.execute(query, (Jsonb({"name": "encoded"}), Jsonb(defaults)))
    assert conn.execute(query, (Jsonb({"name": "encoded"}), jsonb(defaults))).fetchone() == (True,)


@example
def bytes_as_base64_are_refused_not_stored_as_text(conn):
    query = "SELECT was_created FROM get_or_create(NULL::products, %s, %s)"

    with fails(psycopg.errors.InvalidTextRepresentation,
               "invalid value for bytea column"):
        conn.execute(query, (jsonb({"name": "photo"}), jsonb({"photo": "aGVsbG8="})))
    assert conn.execute(query, (jsonb({"name": "photo"}), jsonb({"photo": b"hello"}))).fetchone() == (True,)


@example
def what_only_the_application_fills_in_must_be_sent(conn):
    query = "SELECT was_created FROM get_or_create(NULL::customers, %s, %s)"
    lookup = jsonb({"email": "ann@example.org"})
    now = datetime.now(timezone.utc)

    with fails(psycopg.errors.NotNullViolation):
        conn.execute(query, (lookup, jsonb({"state": "new"})))
    assert conn.execute(
        query, (lookup, jsonb({"state": "new", "created_at": now, "updated_at": now}))
    ).fetchone() == (True,)


run(psycopg.connect(autocommit=True))
