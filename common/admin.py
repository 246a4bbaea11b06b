"""The operators' admin: a window onto every row, and a repair bench whose tools are services."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, ClassVar, cast
from urllib.parse import unquote
from uuid import UUID

from allauth.account.decorators import secure_admin_login
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote as admin_unquote
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LogoutView
from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from common.errors import DomainError

MOST_AT_ONCE = 100
_COUNTED_AT_MOST = 10_000

Action = Callable[[Any, HttpRequest, list[Any]], None]


class OperatorsSite(admin.AdminSite):
    """The admin; its own forms for signing in and passwords, which know no second factor, are not used."""

    site_title = "Trellis operators"
    site_header = "Trellis operators"
    index_title = "What this installation holds"
    empty_value_display = "none"

    @method_decorator([login_not_required, never_cache])
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Send to the sign-in of everyone; who is signed in and no operator is refused."""
        return secure_admin_login(_to_index)(request)

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """See `AdminSite`; ends at the sign-in of everyone."""
        return LogoutView.as_view(next_page=reverse("account_login"))(request)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Send to the page of everyone, which is limited and tells the person by mail."""
        return redirect("account_change_password")

    def get_urls(self) -> list[Any]:
        """See `AdminSite`; no row here has a page elsewhere, so nothing leads to one."""
        return [one for one in super().get_urls() if getattr(one, "name", "") != "view_on_site"]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """See `AdminSite`; PostgreSQL keeps no NUL, so no address with one names anything."""

        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if "\x00" in unquote(request.get_full_path()):
                raise BadRequest
            return inner(request, *args, **kwargs)

        inner = super().admin_view(view, cacheable)
        return checked


def _to_index(request: HttpRequest) -> HttpResponse:
    return redirect("admin:index")


operators = OperatorsSite(name="admin")
# Whatever ends ends through a service.
operators.disable_action("delete_selected")


class BoundedPaginator(Paginator):
    """Counts no further than an operator turns pages; a table of a million rows is searched instead."""

    @cached_property
    def count(self) -> int:
        """See `Paginator`."""
        rows = cast(models.QuerySet[Any], self.object_list).order_by()
        return len(rows.values_list("pk")[:_COUNTED_AT_MOST])


class ReadOnlyAdmin(admin.ModelAdmin):
    """A window: nothing is added, changed or deleted.

    `starts_with` names the columns that a search compares with the beginning of what is sought; an id is
    found by any of `ids`. No search looks into the middle of a text, which no index serves. `hidden`
    fields, and all that hold bytes, are never shown.
    """

    starts_with: ClassVar[Sequence[str]] = ()
    ids: ClassVar[Sequence[str]] = ("pk",)
    hidden: ClassVar[frozenset[str]] = frozenset()
    list_per_page = MOST_AT_ONCE
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    view_on_site = False
    paginator = BoundedPaginator
    # Names the search box; `get_search_results` searches.
    search_fields: ClassVar = ("pk",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """See `ModelAdmin`; rows are made by the services that know how."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """See `ModelAdmin`."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """See `ModelAdmin`."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """See `ModelAdmin`; whoever may act sees what there is to act on."""
        return super().has_view_permission(request, obj) or self.has_act_permission(request)

    def told(self, row: Any) -> str:
        """What an action calls a row where it asks, and where it says why it could not be done."""
        return str(row)

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Whether someone may use the actions: by Django's right to change this kind of row."""
        right = f"{self.opts.app_label}.change_{self.opts.model_name}"
        return bool(request.user.has_perm(right))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """See `ModelAdmin`; every column but the secret ones."""
        return [
            field.name
            for field in self.opts.concrete_fields
            if not isinstance(field, models.BinaryField) and field.name not in self.hidden
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """See `ModelAdmin`."""
        return self.get_fields(request, obj)

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        """See `ModelAdmin`; by id, or by how a name, a key or an address begins."""
        sought = search_term.strip()
        if not sought:
            return queryset, False
        found = models.Q(pk__in=[])
        named = _as_id(sought)
        for name in self.ids if named else ():
            found |= models.Q(**{name: named})
        for name in self.starts_with:
            # Addresses are kept in lower case.
            text = sought.lower() if name.endswith("email") else sought
            found |= models.Q(**{f"{name}__startswith": text})
        return queryset.filter(found), False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """See `ModelAdmin`, which lets an address compare any field, even one that is never shown."""
        filters = self.get_list_filter(request) if request else self.list_filter
        named = {getattr(item, "parameter_name", item) for item in filters}
        return lookup.partition("__")[0] in named

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """See `ModelAdmin`, whose quoting of ids lets a NUL through."""
        if "\x00" in admin_unquote(object_id):
            return None
        return super().get_object(request, object_id, from_field)


class ServiceAdmin(ReadOnlyAdmin):
    """A repair bench: what its forms and actions do, services do; what these refuse is told as a message."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """See `ModelAdmin`."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as refusal:
            return self._refused(request, refusal)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """See `ModelAdmin`."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except DomainError as refusal:
            return self._refused(request, refusal)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """See `ModelAdmin`; the service has written what belongs together."""

    def _refused(self, request: HttpRequest, refusal: DomainError) -> HttpResponse:
        self.message_user(request, refusal.message, messages.ERROR)
        return redirect(request.get_full_path())


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def chosen(model_admin: Any, request: HttpRequest, queryset: models.QuerySet[Any]) -> list[Any]:
    """The rows that an action is asked for, not more than a page of them.

    Args:
        model_admin: whose action.
        request: the form of the list.
        queryset: what was ticked.

    Returns:
        The rows; none, and a message, where there are too many.
    """
    rows = list(queryset[: MOST_AT_ONCE + 1])
    if len(rows) > MOST_AT_ONCE:
        model_admin.message_user(
            request, f"Choose at most {MOST_AT_ONCE} rows at a time.", messages.ERROR
        )
        return []
    return rows


def confirmed(*, description: str, warning: str) -> Callable[[Action], Any]:
    """Make an action of a list that asks before it acts, of whoever may act on these rows.

    Args:
        description: what the list calls it, in the imperative.
        warning: one sentence on what it will do.

    Returns:
        A decorator of a function that takes the rows.
    """

    def decorate(act: Action) -> Any:
        @admin.action(description=description, permissions=["act"])
        def action(
            model_admin: Any, request: HttpRequest, queryset: models.QuerySet[Any]
        ) -> HttpResponse | None:
            rows = chosen(model_admin, request, queryset)
            if not rows:
                return None
            if request.POST.get("confirmed"):
                act(model_admin, request, rows)
                return None
            context = {
                **model_admin.admin_site.each_context(request),
                "title": description,
                "warning": warning,
                "rows": [(row.pk, model_admin.told(row)) for row in rows],
                "opts": model_admin.opts,
                "action": act.__name__,
                "checkbox": ACTION_CHECKBOX_NAME,
            }
            return TemplateResponse(request, "admin/confirm_action.html", context)

        action.__name__ = act.__name__
        return action

    return decorate


def each(
    model_admin: Any,
    request: HttpRequest,
    rows: Iterable[Any],
    act: Callable[[Any], bool],
    done: str,
) -> None:
    """Do an act to each row, on its own, and tell what became of them.

    Args:
        model_admin: whose list.
        request: the form of the list.
        rows: what was ticked.
        act: a service, as far as it takes a row; says whether there was anything to do.
        done: the past participle for those that succeeded.
    """
    changed = same = 0
    for row in rows:
        try:
            if act(row):
                changed += 1
            else:
                same += 1
        except DomainError as refusal:
            told = f"{model_admin.told(row)}: {refusal.message}"
            model_admin.message_user(request, told, messages.ERROR)
    if changed:
        model_admin.message_user(request, f"{changed} {done}.", messages.SUCCESS)
    if same:
        were = "was" if same == 1 else "were"
        model_admin.message_user(request, f"{same} {were} {done} already.", messages.INFO)
