"""duplicate_guard from Django, by example."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
django.setup()

from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, InternalError, connection, router, transaction
from django.forms import ModelForm
from django.test import override_settings

from shop.guard import classify_integrity_error, to_json
from shop.models import Category, Customer, Product
from tap import at_once, example, fails, run


# ----- the row as a model object, and whether it is new ----------------------

@example
def get_or_create_gives_a_product_and_a_flag():
    product, created = Product.guarded.get_or_create(
        name="xiomi_mi12", defaults={"price": Decimal("199.90")})
    assert created and product.price == Decimal("199.90")

    again, created = Product.guarded.get_or_create(
        name="xiomi_mi12", defaults={"price": Decimal("249.90")})
    assert not created and again == product and again.price == Decimal("199.90")


@example
def without_the_manager_raw_gives_model_objects():
    product = Product.objects.db_manager(router.db_for_write(Product)).raw(
        """SELECT (record).*, was_created
           FROM get_or_create(NULL::products, %s, %s)""",
        [to_json({"name": "raw"}), to_json({"price": Decimal("9.90")})])[0]
    assert isinstance(product, Product) and product.was_created
    product.note = "it can be saved as any other"
    product.save()
    assert Product.objects.get(name="raw").note == product.note


@example
def values_of_all_types_go_through():
    values = dict(
        price=Decimal("12345678.90"),
        category=Category.objects.create(name="green"),
        sku=UUID("d9428888-122b-11e1-b85c-61cd3cbb3210"),
        released_on=date(2024, 2, 29),
        tags=["green", 'with "quotes", commas', "NULL", "ünï"],
        properties={"size": [1, 2], "deep": {"null": None}},
        note=None)
    product, created = Product.guarded.get_or_create(
        name="Ångström", defaults={**values, "photo": b"\x89PNG\x00\xff"})
    assert created and product.name == "Ångström"
    assert bytes(product.photo) == b"\x89PNG\x00\xff"       # a memoryview, as always
    for field, value in values.items():
        assert getattr(product, field) == value, field
    ordinary = Product.objects.get(name="Ångström")
    for field in Product._meta.concrete_fields:
        of_both = [getattr(p, field.attname) for p in (product, ordinary)]
        assert field.name == "photo" or of_both[0] == of_both[1], field.name


@example
def a_foreign_key_can_be_part_of_the_key_and_of_the_defaults():
    category, created = Category.objects.get_or_create(name="green")
    product, created = Product.guarded.get_or_create(
        name="sencha", category=category, defaults={"price": 4})
    assert created and product.category == category
    product, created = Product.guarded.get_or_create(name="sencha", category_id=category.id)
    assert not created


# ----- in a transaction, and many at once ------------------------------------

@example
def in_a_transaction_it_is_rolled_back_with_the_rest():
    with transaction.atomic():
        product, created = Product.guarded.get_or_create(name="undone")
        assert created and Product.objects.filter(name="undone").exists()
        transaction.set_rollback(True)
    assert not Product.objects.filter(name="undone").exists()


@example
def eight_threads_at_once_create_each_row_once():
    names = [f"thread {n}" for n in range(20)]

    def import_names(number):
        with transaction.atomic():              # one transaction for all of them
            answers = [Product.guarded.get_or_create(name=name) for name in names]
            assert Product.objects.filter(name="xiomi_mi12").exists()
        connection.close()
        return answers

    answers = at_once(import_names)
    for of_one_name in zip(*answers):
        assert len({product.id for product, created in of_one_name}) == 1
        assert sum(created for product, created in of_one_name) == 1


# ----- errors as data --------------------------------------------------------

class ProductForm(ModelForm):
    class Meta:
        model = Product
        fields = ["name", "price", "category"]


def save(form):
    """Saves a form; what the database objects to becomes an error of the form."""
    fields = {field.column: field.name for field in form._meta.model._meta.fields}
    try:
        with transaction.atomic():              # a savepoint, in a transaction
            return form.save()
    except IntegrityError as error:
        # outside of the block: in a failed transaction nothing can be called
        problem = classify_integrity_error(error)
        for column in problem["columns"] or [None]:
            form.add_error(fields.get(column), problem["user_message"])


@example
def an_integrity_error_becomes_a_message_of_the_form():
    form = ProductForm({"name": "lamp", "price": "-1"})
    assert form.is_valid() and save(form) is None
    assert form.errors == {"price": ["The price must not be negative."]}


@example
def and_so_does_one_that_validation_could_not_know():
    form = ProductForm({"name": "race", "price": "1"})
    with transaction.atomic():
        assert form.is_valid()                  # it has looked: no such product
        Product.objects.create(name="race")     # somebody else is faster
        assert save(form) is None
        assert form.errors == {"name": ["A product with this name already exists."]}
        assert Product.objects.filter(name="race").count() == 1


@example
def try_create_gives_the_error_instead_of_raising_it():
    with transaction.atomic():                  # and needs no savepoint
        product, error = Product.guarded.try_create(name="chair", category_id=77)
        assert product is None
        assert error["kind"] == "foreign_key_missing" and error["columns"] == ["category_id"]
        assert error["user_message"] == "This category does not exist."

        product, error = Product.guarded.try_create(name="chair")
        assert error is None and product == Product.objects.get(name="chair")


# ----- batches and updates ---------------------------------------------------

@example
def a_batch_is_one_call():
    answers = Product.guarded.get_or_create_many(
        [{"name": "pen", "price": Decimal("1.20")}, {"name": "xiomi_mi12"}, {"name": "pen"}],
        key_fields=["name"])
    assert [created for product, created in answers] == [True, False, False]
    pen, xiomi, same_pen = [product for product, created in answers]
    assert pen == same_pen and same_pen.price == Decimal("1.20")
    assert xiomi == Product.objects.get(name="xiomi_mi12")


@example
def update_or_create_writes_only_what_differs():
    customer, created = Customer.guarded.update_or_create(
        email="ann@example.org", defaults={"state": "active"})
    assert created and customer.state == "active"

    same, created = Customer.guarded.update_or_create(
        email="ann@example.org", defaults={"state": "active"})
    assert not created and not same.was_updated
    assert same.updated_at == customer.updated_at

    gone, created = Customer.guarded.update_or_create(
        email="ann@example.org", defaults={"state": "gone"})
    assert not created and gone.was_updated and gone.state == "gone"
    assert gone.updated_at > customer.updated_at and gone.created_at == customer.created_at

    # what save() sets anyway does not make a difference, also when it is given
    same, created = Customer.guarded.update_or_create(
        email="ann@example.org", defaults={"state": "gone", "updated_at": None})
    assert not created and not same.was_updated and same.updated_at == gone.updated_at

    bob, created = Customer.guarded.update_or_create(
        email="bob@example.org", defaults={"state": "active"}, create_defaults={"state": "new"})
    assert created and bob.state == "new"


# ----- what bites ------------------------------------------------------------

class ReadsFromReplica:
    def db_for_read(self, model, **hints):
        return "replica"

    def db_for_write(self, model, **hints):
        return "default"


@example
def raw_alone_goes_to_the_database_of_the_read_router():
    query = "SELECT (record).*, was_created FROM get_or_create(NULL::products, %s)"
    lookup = [to_json({"name": "routed"})]

    with override_settings(DATABASE_ROUTERS=[ReadsFromReplica()]):
        assert Product.objects.raw(query, lookup).db == "replica"
        with fails(InternalError, 'cannot create a row in "products" in a read-only transaction'):
            list(Product.objects.raw(query, lookup))

        writer = Product.objects.db_manager(router.db_for_write(Product))
        assert writer.raw(query, lookup)[0].was_created
        product, created = Product.guarded.get_or_create(name="routed")
        assert not created and product._state.db == "default"


@example
def raw_is_lazy():
    answers = Product.objects.raw(
        "SELECT (record).*, was_created FROM get_or_create(NULL::products, %s)",
        [to_json({"name": "lazy"})])
    assert not Product.objects.filter(name="lazy").exists()     # nobody has looked at it
    assert answers[0].was_created and Product.objects.filter(name="lazy").exists()


@example
def defaults_and_auto_now_of_the_model_are_not_in_the_table():
    query = "SELECT (record).*, was_created FROM get_or_create(NULL::customers, %s)"

    with fails(IntegrityError, 'null value in column "state"'):
        list(Customer.objects.raw(query, [to_json({"email": "eve@example.org"})]))
    customer, created = Customer.guarded.get_or_create(email="eve@example.org")
    assert created and customer.state == "new"
    assert customer.created_at and customer.updated_at


@example
def DjangoJSONEncoder_cuts_off_microseconds_and_knows_no_bytes():
    query = "SELECT (record).*, was_created FROM get_or_create(NULL::products, %s, %s)"
    moment = datetime(2024, 2, 29, 23, 59, 59, 123456, timezone(timedelta(hours=2)))
    defaults = {"created_at": moment}

    cut = Product.objects.raw(query, [
        to_json({"name": "cut"}), json.dumps(defaults, cls=DjangoJSONEncoder)])[0]
    assert cut.created_at == moment.replace(microsecond=123000)
    whole = Product.objects.raw(query, [to_json({"name": "whole"}), to_json(defaults)])[0]
    assert whole.created_at == moment
    with fails(TypeError, "bytes is not JSON serializable"):
        json.dumps({"photo": b"\x89PNG"}, cls=DjangoJSONEncoder)


@example
def a_jsonb_column_of_a_query_of_your_own_is_text():
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(record) FROM get_or_create(NULL::products, %s)",
                       [to_json({"name": "xiomi_mi12"})])
        text, = cursor.fetchone()
    assert isinstance(text, str) and json.loads(text)["name"] == "xiomi_mi12"


# ----- what Django's own method does ------------------------------------------

def statements(call, *, before_insert=lambda: None):
    """The first words of the statements that a call sends."""
    seen = []

    def listen(execute, sql, params, many, context):
        words = sql.split()
        seen.append(" ".join(words[:2]) if words[0] == "ROLLBACK" else words[0])
        if words[0] == "INSERT":
            before_insert()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(listen):
        call()
    return seen


@example
def get_or_create_of_Django_sends_four_statements_for_a_miss():
    def own(name):
        return lambda: Product.objects.get_or_create(name=name)

    def somebody_else():
        with ThreadPoolExecutor(1) as thread:       # has a connection of its own
            thread.submit(Product.objects.create, name="raced").result()

    with transaction.atomic():
        assert statements(own("own")) == ["SELECT", "SAVEPOINT", "INSERT", "RELEASE"]
        assert statements(own("own")) == ["SELECT"]
        assert statements(own("raced"), before_insert=somebody_else) == [
            "SELECT", "SAVEPOINT", "INSERT", "ROLLBACK TO", "RELEASE", "SELECT"]
        for name in "own", "guarded":               # a hit, a miss
            assert statements(lambda: Product.guarded.get_or_create(name=name)) == ["SELECT"]


run()
