from django.contrib.postgres.fields import ArrayField
from django.db import models

from shop.guard import GuardManager


class Category(models.Model):
    name = models.TextField(unique=True)

    class Meta:
        db_table = "categories"
        managed = False


class Product(models.Model):
    name = models.TextField(unique=True)
    price = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    category = models.ForeignKey(
        Category, on_delete=models.PROTECT, null=True, blank=True)
    sku = models.UUIDField(null=True)
    released_on = models.DateField(null=True)
    photo = models.BinaryField(null=True)
    tags = ArrayField(models.TextField(), default=list)
    properties = models.JSONField(default=dict)
    note = models.TextField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = models.Manager()
    guarded = GuardManager()

    class Meta:
        db_table = "products"
        managed = False


class Customer(models.Model):
    email = models.TextField(unique=True)
    state = models.TextField(default="new")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = models.Manager()
    guarded = GuardManager()

    class Meta:
        db_table = "customers"
        managed = False
