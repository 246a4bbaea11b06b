"""What the web server calls."""

import gc
import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

# What is loaded now stays for good, so the collector need not look at it again: a bulk question makes
# enough objects to have it look at everything, which was a third of the question's cost.
import_module(settings.ROOT_URLCONF)
import_module("config.openapi").describe_api()
gc.collect()
gc.freeze()
gc.set_threshold(10_000)
