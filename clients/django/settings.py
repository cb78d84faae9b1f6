"""One database under two names: the second one as a read replica would be."""

import os

_database = {
    "ENGINE": "django.db.backends.postgresql",
    "HOST": os.environ["PGHOST"],
    "PORT": os.environ["PGPORT"],
    "NAME": os.environ["PGDATABASE"],
    "USER": os.environ["PGUSER"],
}
DATABASES = {
    "default": _database,
    "replica": {**_database, "OPTIONS": {"options": "-c default_transaction_read_only=on"}},
}
INSTALLED_APPS = ["shop"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
SECRET_KEY = "of no use here"
USE_TZ = True
