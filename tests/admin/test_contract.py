"""Every page of the admin refuses, or writes an event; it shows everything but secrets."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import connection
from django.db.models import BinaryField, Field, Model
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, AccountEvent, TeamMember, TeamRole, User
from environments.models import AuditEvent
from tests.admin.addresses import address, pages_of
from tests.admin.rows import SECRET, add_rows, everything, registered, row_of
from tests.factories import UserFactory

OURS = ("accounts", "environments", "hierarchy", "identities", "assignments", "onboarding")
# The forms that write; every other one is refused. A new one fails until it is listed.
FORMS = {
    (User, "change"): "user.deactivated",
    (Account, "change"): "account.renamed",
    (TeamMember, "add"): "team_member.added",
    (TeamMember, "change"): "team_member.role_changed",
    (TeamMember, "delete"): "team_member.removed",
}
# The actions that write, and what they write; the others only tell.
ACTIONS = {
    ("User", "deactivate"): "user.deactivated",
    ("ApiKey", "disable"): "api_key.disabled",
    ("Identity", "deactivate"): "identity.deactivated",
    ("OutboxItem", "retry"): "outbox_item.retried",
    ("Environment", "check_tree"): None,
    ("Node", "check_tree"): None,
}


def events(operator_id: UUID) -> Counter[str]:
    """What the operator did, in both logs."""
    done: Counter[str] = Counter()
    for log in (AuditEvent, AccountEvent):
        done.update(
            log.objects.filter(actor_type="user", actor_id=operator_id).values_list(
                "action", flat=True
            )
        )
    return done


def posted(model: type[Model], page: str, row: Any) -> dict[str, Any]:
    """A form that would write, if the page did."""
    match model, page:
        case _, "delete":
            return {"post": "yes"}
        case (kind, "change") if kind is User:
            return {"is_active": "", "is_staff": ""}
        case (kind, "change") if kind is Account:
            return {"name": "Another name"}
        case (kind, "change") if kind is TeamMember:
            return {"role": TeamRole.VIEWER}
        case (kind, "add") if kind is TeamMember:
            new = UserFactory.create()
            return {"account": row.account_id, "user": new.pk, "role": TeamRole.VIEWER}
    return {field.name: _other(field, row) for field in model._meta.concrete_fields}


def _other(field: Field, row: Any) -> Any:
    if field.name in ("is_active", "primary", "verified"):
        return ""
    value = field.value_from_object(row)
    return f"{value}x" if isinstance(value, str) and not field.choices else value or ""


def test_every_model_of_ours_has_its_pages() -> None:
    shown = {model for model, _ in registered()}

    for label in OURS:
        assert set(apps.get_app_config(label).get_models()) <= shown, label


def test_every_form_refuses_or_writes_an_event(admin: Client, operator: User, rows: User) -> None:
    written, before = {}, everything()

    for model, _ in registered():
        row = row_of(model)
        for page in ("add", "change", "delete"):
            where, body = pages_of(model, row)[page], posted(model, page, row)
            if (model, page) in FORMS:
                before = everything()
            told = events(operator.pk)
            opened = admin.get(where)
            assert everything() == before
            sent = admin.post(where, body)
            assert sent.status_code in (302, 403), (where, sent.content)
            if (model, page) in FORMS:
                assert (opened.status_code, sent.status_code) == (200, 302), where
                [written[model, page]] = events(operator.pk) - told
                before = everything()
                continue
            assert sent.status_code == 403, where
            assert opened.status_code == (200 if page == "change" else 403), where
            assert everything() == before, where

    assert written == FORMS


def test_every_action_asks_and_writes_an_event(admin: Client, operator: User, rows: User) -> None:
    written: dict[tuple[str, str], str | None] = {}

    for model, model_admin in registered():
        for name in model_admin.actions:
            row = row_of(model)
            where = address(model, "changelist")
            body = {"action": name, ACTION_CHECKBOX_NAME: [str(row.pk)]}
            before, told = everything(), events(operator.pk)
            asked = admin.post(where, body)
            assert everything() == before
            if ACTIONS[model.__name__, name] is None:
                assert asked.status_code == 302
                written[model.__name__, name] = None
                continue
            assert asked.status_code == 200
            assert "Leave it" in asked.content.decode()
            done = admin.post(where, {**body, "confirmed": "yes"})
            assert done.status_code == 302
            new = events(operator.pk) - told
            written[model.__name__, name] = next(iter(set(new) & set(ACTIONS.values())), str(new))

    assert written == ACTIONS


def test_no_list_grows_dearer_with_its_rows(admin: Client) -> None:
    def statements() -> dict[str, int]:
        counted = {}
        for model, _ in registered():
            with CaptureQueriesContext(connection) as queries:
                assert admin.get(address(model, "changelist")).status_code == 200
            counted[model.__name__] = len(queries)
        return counted

    for _ in range(3):
        add_rows()
    statements()  # content types are read once a process
    few = statements()
    for _ in range(27):
        add_rows()

    assert statements() == few
    # Session, user, count, rows; a user's own filters and dates ask for nothing.
    assert max(few.values()) <= LIST_STATEMENTS, few


LIST_STATEMENTS = 5


def choices(page: Any) -> Iterator[str]:
    """The query of each choice of each filter, and of each column's order."""
    changelist = page.context["cl"]
    for spec in changelist.filter_specs:
        for choice in spec.choices(changelist):
            yield choice["query_string"]
    for column in range(len(changelist.list_display)):
        yield f"?o={column}"
        yield f"?o=-{column}"


def test_every_list_filter_order_and_search_opens(admin: Client, rows: User) -> None:
    opened = 0

    for model, _ in registered():
        where = address(model, "changelist")
        page = admin.get(where)
        assert page.status_code == 200, where
        sought = ["", "?q=ada", f"?q={row_of(model).pk}", "?q=%25"]
        if hasattr(row_of(model), "environment_id"):
            sought.append(f"?environment={row_of(model).environment_id}")
        for query in (*choices(page), *sought):
            answer = admin.get(f"{where}{query}")
            assert answer.status_code == 200, f"{where}{query}"
            opened += 1

    assert opened > 300


HOSTILE = (
    "q=%00", "q=%ED%A0%80", "q=" + "x" * 5000, "o=99999999999999999999", "o=x", "p=0", "p=-1",
    "p=99999999999999999999", "p=x", "all=", "environment=x", "environment=%00", "environment=",
    "e=1", "status__exact=x", "password__startswith=a", "key_hash__exact=x", "user__password=x",
    "id__exact=x", "created_at__gte=x",
)  # fmt: skip


def test_no_list_breaks_on_what_nobody_would_ask(admin: Client, rows: User) -> None:
    for model, _ in registered():
        for query in HOSTILE:
            answer = admin.get(f"{address(model, 'changelist')}?{query}")
            assert answer.status_code in (200, 302, 400), (model, query)


@pytest.mark.django_db
def test_a_row_that_is_not_there_is_told_or_refused(admin: Client) -> None:
    for model, _ in registered():
        where = address(model, "changelist")
        for row_id in ("x", "_00", "_", "%00", "99999999999999999999", "_ED_A0_80"):
            for page in ("change", "delete", "history"):
                answer = admin.get(f"{where}{row_id}/{page}/")
                assert answer.status_code in (302, 400, 403, 404), (model, row_id, page)


def secrets_of(row: Any) -> Iterator[str]:
    """What must not be read anywhere, in the forms in which it could be."""
    for field in row._meta.concrete_fields:
        value = field.value_from_object(row)
        if isinstance(field, BinaryField) and value:
            raw = bytes(value)
            yield from (raw.hex(), repr(raw)[2:-1], b64encode(raw).decode())
    yield from (SECRET.decode(), "never-to-be-seen")


def test_no_secret_is_shown(admin: Client, rows: User) -> None:
    for model, _ in registered():
        for page in ("changelist", "change", "history"):
            shown = admin.get(pages_of(model)[page]).content.decode()
            for row in model._default_manager.all():
                for secret in secrets_of(row):
                    assert secret not in shown, (model, page)


def test_a_row_is_found_by_id_and_by_how_its_name_begins(admin: Client, rows: User) -> None:
    for model, model_admin in registered():
        row = row_of(model)
        where = address(model, "changelist")
        if "pk" in model_admin.ids:
            found = admin.get(f"{where}?q={row.pk}").context["cl"].result_list
            assert row.pk in {one.pk for one in found}, model
        for name in model_admin.starts_with:
            value: Any = row
            for step in name.split("__"):
                value = getattr(value, step)
            if value:
                found = admin.get(where, {"q": value[:4]}).context["cl"].result_list
                assert row.pk in {one.pk for one in found}, (model, name)
        assert not admin.get(f"{where}?q=no-such-thing").context["cl"].result_list
