"""duplicate_guard from SQLAlchemy, core and ORM, by example."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Boolean, bindparam, column, create_engine, func, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError, InternalError, ProgrammingError, StatementError
from sqlalchemy.orm import Session
from sqlalchemy.sql import Delete, Select, Update

from guard import classify_integrity_error, get_or_create, plain, update_or_create
from models import Category, Customer, Product, State
from tap import at_once, example, fails, run

products = Product.__table__


# ----- the row as a model object, and whether it is new ----------------------

@example
def get_or_create_gives_a_product_and_a_flag(engine):
    with Session(engine, future=True) as session:
        product, created = get_or_create(
            session, Product, {"name": "xiomi_mi12"}, {"price": Decimal("199.90")})
        assert created and product.price == Decimal("199.90")
        session.commit()

    with Session(engine, future=True) as session:
        again, created = get_or_create(
            session, Product, {"name": "xiomi_mi12"}, {"price": Decimal("249.90")})
        assert not created and again.price == Decimal("199.90")
        assert again is session.get(Product, again.id)


@example
def without_the_helper_from_statement_gives_model_objects(engine):
    with Session(engine, future=True) as session:
        query = select(Product, column("was_created")).from_statement(
            text("""SELECT (record).*, was_created
                    FROM get_or_create(NULL::products, :lookup, :defaults)""")
            .bindparams(bindparam("lookup", type_=JSONB), bindparam("defaults", type_=JSONB)))
        product, created = session.execute(
            query, {"lookup": {"name": "plain"}, "defaults": plain({"price": Decimal("9.90")})}
        ).one()
        assert created and isinstance(product, Product) and product.price == Decimal("9.90")

        product.note = "it can be changed as any other"
        session.commit()
        assert session.get(Product, product.id).note == product.note


@example
def core_gives_typed_rows(engine):
    query = (
        text("""SELECT (record).*, was_created
                FROM get_or_create(NULL::products, :lookup, :defaults)""")
        .bindparams(bindparam("lookup", type_=JSONB), bindparam("defaults", type_=JSONB))
        .columns(*products.c, was_created=Boolean))
    with engine.begin() as conn:
        row = conn.execute(query, {
            "lookup": {"name": "core"},
            "defaults": plain({"price": Decimal("9.90"), "photo": b"\xff"})}).one()
    assert row.was_created and row.price == Decimal("9.90") and row.photo == b"\xff"


@example
def values_of_all_types_go_through(engine):
    with Session(engine, future=True) as session:
        category = Category(name="green")
        session.add(category)
        session.flush()
        values = dict(
            price=Decimal("12345678.90"),
            category_id=category.id,
            sku=UUID("d9428888-122b-11e1-b85c-61cd3cbb3210"),
            released_on=date(2024, 2, 29),
            photo=b"\x89PNG\x00\xff",
            tags=["green", 'with "quotes", commas', "NULL", "ünï"],
            properties={"size": [1, 2], "deep": {"null": None}},
            note=None,
            created_at=datetime(2024, 2, 29, 23, 59, 59, 123456,
                                timezone(timedelta(hours=2))))
        product, created = get_or_create(session, Product, {"name": "Ångström"}, values)
        assert created and product.name == "Ångström" and product.category is category
        for attribute, value in values.items():
            assert getattr(product, attribute) == value, attribute
        session.commit()


# ----- in a transaction, and many at once ------------------------------------

@example
def in_a_transaction_it_is_rolled_back_with_the_rest(engine):
    with Session(engine, future=True) as session:
        product, created = get_or_create(session, Product, {"name": "undone"})
        assert created
        session.rollback()
        assert not session.execute(select(Product).filter_by(name="undone")).first()


@example
def what_the_session_has_pending_is_there_before(engine):
    with Session(engine, future=True) as session:
        session.add(Product(name="pending"))
        product, created = get_or_create(session, Product, {"name": "pending"})
        assert not created and not session.new
        product.note = "changed, not flushed"
        product, created = get_or_create(session, Product, {"name": "pending"})
        assert product.note == "changed, not flushed"
        session.rollback()


@example
def eight_threads_at_once_create_each_row_once(engine):
    names = [f"thread {n}" for n in range(20)]

    def import_names(number):
        with Session(engine, future=True) as session, session.begin():  # one transaction
            answers = [get_or_create(session, Product, {"name": name}) for name in names]
            assert session.execute(select(Product).filter_by(name="xiomi_mi12")).one()
            return [(product.id, created) for product, created in answers]

    answers = at_once(import_names)
    for of_one_name in zip(*answers):
        assert len({id for id, created in of_one_name}) == 1
        assert sum(created for id, created in of_one_name) == 1


# ----- errors as data --------------------------------------------------------

@example
def an_integrity_error_becomes_a_message_of_the_form(engine):
    errors = {}
    with Session(engine, future=True) as session:
        try:
            with session.begin_nested():        # a savepoint
                session.add(Product(name="lamp", price=Decimal("-1")))
        except IntegrityError as error:
            # after the savepoint: in a failed transaction nothing can be called
            problem = classify_integrity_error(session, error)
            for attribute in problem.columns or ["form"]:
                errors[attribute] = problem.user_message
        assert errors == {"price": "The price must not be negative."}
        assert problem.kind == "check_violation" and problem.http_status == 422

        try:
            session.add(Product(name="xiomi_mi12"))
            session.commit()
        except IntegrityError as error:
            session.rollback()
            problem = classify_integrity_error(session, error)
        assert problem.columns == ["name"] and problem.key_values == ["xiomi_mi12"]
        assert problem.user_message == "A product with this name already exists."


@example
def try_create_gives_the_error_instead_of_raising_it(engine):
    form = {"name": "chair", "price": Decimal("5"), "category_id": 77}

    with engine.begin() as conn:
        answer = conn.execute(
            text("""SELECT was_created, (record).id, (error).columns, (error).user_message
                    FROM try_create(NULL::products, :form)""")
            .bindparams(bindparam("form", plain(form), JSONB))).one()
    assert not answer.was_created and answer.id is None
    assert answer.columns == ["category_id"]
    assert answer.user_message == "This category does not exist."


@example
def find_conflicts_tells_everything_that_is_wrong(engine):
    form = {"name": "xiomi_mi12", "price": Decimal("-5"), "category_id": 77}

    with engine.begin() as conn:
        wrong = conn.execute(
            text("SELECT kind, columns FROM find_conflicts(NULL::products, :form)")
            .bindparams(bindparam("form", plain(form), JSONB))).all()
    assert wrong == [
        ("check_violation", ["price"]),
        ("unique_violation", ["name"]),
        ("foreign_key_missing", ["category_id"])]


# ----- batches and updates ---------------------------------------------------

@example
def a_batch_is_one_call(engine):
    rows = [{"name": "pen", "price": Decimal("1.20")},
            {"name": "xiomi_mi12"},
            {"name": "pen"}]
    with Session(engine, future=True) as session:
        query = select(Product, column("was_created")).from_statement(
            text("""SELECT (g.record).*, g.was_created
                    FROM get_or_create_many(NULL::products, :rows, key_columns => :key) AS g
                    ORDER BY g.ordinality""")
            .bindparams(bindparam("rows", plain(rows), JSONB), key=["name"]))
        answers = session.execute(query).all()
        assert [created for product, created in answers] == [True, False, False]
        pen, xiomi, same_pen = [product for product, created in answers]
        assert pen is same_pen and pen.price == Decimal("1.20")
        assert xiomi.name == "xiomi_mi12"


@example
def update_or_create_writes_only_what_differs(engine):
    ann = {"email": "ann@example.org"}

    with Session(engine, future=True) as session:
        customer, created, updated = update_or_create(
            session, Customer, ann, {"state": State.active})
        assert created and not updated and customer.state is State.active
        first = customer.updated_at

        customer, created, updated = update_or_create(
            session, Customer, ann, {"state": State.active})
        assert not created and not updated and customer.updated_at == first

        customer, created, updated = update_or_create(
            session, Customer, ann, {"state": State.new})
        assert not created and updated and customer.state is State.new
        assert customer.updated_at > first and customer.created_at < customer.updated_at

        bob, created, updated = update_or_create(
            session, Customer, {"email": "bob@example.org"},
            {"state": State.active}, create_defaults={"state": State.new})
        assert created and bob.state is State.new
        session.commit()


# ----- what bites ------------------------------------------------------------

@example
def the_identity_map_keeps_the_old_object(engine):
    with Session(engine, future=True) as session:
        product, created = get_or_create(session, Product, {"name": "kept"}, {"price": 1})
        query = select(Product).from_statement(text(
            """SELECT (record).*
               FROM update_or_create(NULL::products, '{"name": "kept"}', '{"price": 2}')"""))

        same = session.execute(query).scalar_one()
        assert same is product and same.price == 1          # the table says 2
        session.execute(query, execution_options={"populate_existing": True}).scalar_one()
        assert product.price == 2


@example
def a_cast_by_colons_right_behind_a_parameter_is_a_syntax_error(engine):
    query = "SELECT was_created FROM get_or_create(NULL::products, %s)"

    with engine.begin() as conn:
        with fails(ProgrammingError, 'syntax error at or near ":"'), conn.begin_nested():
            conn.execute(text(query % ":lookup::jsonb"), {"lookup": '{"name": "cast"}'})
        for right in ["CAST(:lookup AS jsonb)", r":lookup\:\:jsonb"]:
            assert conn.execute(text(query % right), {"lookup": '{"name": "cast"}'}).one()


@example
def columns_by_position_are_in_the_order_of_the_model_not_of_the_table(engine):
    query = text("SELECT (record).*, was_created FROM get_or_create(NULL::products, :lookup)")
    query = query.bindparams(bindparam("lookup", {"name": "xiomi_mi12"}, JSONB))
    other_order = [products.c.name, products.c.id]

    with engine.begin() as conn:
        row = conn.execute(query.columns(*other_order)).one()
        assert row._mapping[products.c.name] != "xiomi_mi12"
        row = conn.execute(query.columns(*other_order, was_created=Boolean)).one()
        assert row._mapping[products.c.name] == "xiomi_mi12"


@example
def a_session_that_routes_reads_may_take_it_for_one(engine):
    replica = create_engine(engine.url, future=True, connect_args={
        "options": "-c default_transaction_read_only=on"})

    class SendsAllButWrites(Session):
        def get_bind(self, mapper=None, clause=None, **kw):
            if self._flushing or isinstance(clause, (Update, Delete)):
                return engine
            return replica

    class SendsSelectsOnly(Session):
        def get_bind(self, mapper=None, clause=None, **kw):
            if self._flushing or not isinstance(clause, Select):
                return engine           # text() may do anything
            return replica

    query = select(Product).from_statement(text(
        """SELECT (record).*
           FROM get_or_create(NULL::products, '{"name": "routed"}')"""))
    with SendsAllButWrites(future=True) as session:
        with fails(InternalError, "in a read-only transaction"):
            session.execute(query)
    with SendsSelectsOnly(future=True) as session:
        session.execute(query)
        product, created = get_or_create(session, Product, {"name": "routed"})
        assert not created
        assert session.execute(text("SHOW transaction_read_only")).scalar() == "off"
        assert session.execute(
            select(func.current_setting("transaction_read_only"))).scalar() == "on"
        session.commit()
    replica.dispose()


@example
def without_a_commit_the_new_row_is_gone(engine):
    query = text("SELECT was_created FROM get_or_create(NULL::products, :lookup)")
    query = query.bindparams(bindparam("lookup", {"name": "committed"}, JSONB))

    with engine.connect() as conn:
        assert conn.execute(query).scalar_one()
    with engine.begin() as conn:
        assert conn.execute(query).scalar_one()             # created once more
    with engine.connect() as conn:
        assert not conn.execute(query).scalar_one()


@example
def defaults_of_Python_are_not_in_the_table(engine):
    query = select(Customer).from_statement(text(
        """SELECT (record).*
           FROM get_or_create(NULL::customers, '{"email": "eve@example.org"}')"""))

    with Session(engine, future=True) as session:
        with fails(IntegrityError, 'null value in column "state"'), session.begin_nested():
            session.execute(query)
        customer, created = get_or_create(session, Customer, {"email": "eve@example.org"})
        assert created and customer.state is State.new
        assert customer.created_at and customer.updated_at


@example
def an_enum_is_stored_by_its_name(engine):
    query = text("""SELECT was_created
                    FROM get_or_create(NULL::customers, :lookup, :defaults)""")
    query = query.bindparams(bindparam("lookup", type_=JSONB), bindparam("defaults", type_=JSONB))
    now = "2024-02-29T12:00:00Z"

    with Session(engine, future=True) as session:
        session.execute(query, {
            "lookup": {"email": "max@example.org"},
            "defaults": {"state": State.new.value, "created_at": now, "updated_at": now}})
        with fails(LookupError, "is not among the defined enum values"):
            session.execute(select(Customer).filter_by(email="max@example.org")).one()
        session.rollback()
        session.execute(query, {
            "lookup": {"email": "max@example.org"},
            "defaults": {"state": State.new.name, "created_at": now, "updated_at": now}})
        max, = session.execute(select(Customer).filter_by(email="max@example.org")).one()
        assert max.state is State.new


@example
def a_JSONB_parameter_knows_no_decimals_dates_uuids_and_bytes(engine):
    query = text("SELECT was_created FROM get_or_create(NULL::products, :lookup, :defaults)")
    query = query.bindparams(bindparam("lookup", {"name": "encoded"}, JSONB))

    for value in [{"price": Decimal("1.10")}, {"photo": b"\xff"}]:
        with engine.begin() as conn:
            with fails((StatementError, TypeError), "is not JSON serializable"):
                conn.execute(query.bindparams(bindparam("defaults", value, JSONB)))
            conn.execute(query.bindparams(bindparam("defaults", plain(value), JSONB)))


run(create_engine("postgresql+psycopg2://", future=True))
