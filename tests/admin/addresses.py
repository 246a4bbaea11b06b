"""Every address of the admin, read off what is registered."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib.admin.utils import quote
from django.db.models import Model
from django.urls import reverse

from tests.admin.rows import registered, row_of

OF_A_ROW = ("change", "delete", "history")


def address(model: type[Model], page: str, *arguments: str) -> str:
    """The address of a page about a kind of row."""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"
    return reverse(name, args=arguments)


def pages_of(model: type[Model], row: Model | None = None) -> dict[str, str]:
    """The list, the form for a new row, and the pages about one row."""
    quoted = quote((row or row_of(model)).pk)
    return {
        "changelist": address(model, "changelist"),
        "add": address(model, "add"),
        **{page: address(model, page, quoted) for page in OF_A_ROW},
    }


def all_pages() -> Iterator[str]:
    """Every address but those of signing in and out."""
    for name in ("index", "password_change", "password_change_done", "autocomplete", "jsi18n"):
        yield reverse(f"admin:{name}")
    for label in sorted({model._meta.app_label for model, _ in registered()}):
        yield reverse("admin:app_list", args=[label])
    for model, _ in registered():
        yield from pages_of(model).values()
