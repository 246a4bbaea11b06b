"""What the operators' site is made of: its addresses, its index, its lists."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from accounts.models import AccountEvent, User
from environments.admin import named
from environments.models import ApiKey, AuditEvent
from hierarchy.models import Node
from identities.models import Identity
from tests.admin.addresses import address, pages_of
from tests.admin.rows import add_rows, row_of


@pytest.mark.django_db
def test_there_is_no_way_from_a_content_type_to_a_row(admin: Client, operator: User) -> None:
    kind = ContentType.objects.get_for_model(User)

    for where in (f"/admin/r/{kind.pk}/{operator.pk}/", "/admin/r/1/1/"):
        assert admin.get(where).status_code == 404


def test_the_index_leads_to_both_logs(admin: Client) -> None:
    page = admin.get("/admin/").content.decode()

    assert "Recent actions" not in page
    module = page.partition("What was done")[2].partition("</ul>")[0]
    assert address(AuditEvent, "changelist") in module
    assert address(AccountEvent, "changelist") in module


def test_the_packages_of_others_are_called_by_what_they_are(admin: Client, rows: User) -> None:
    for model, name in ((Authenticator, "Second factors"), (EmailAddress, "Sign-in")):
        for page in ("changelist", "change", "history"):
            shown = admin.get(pages_of(model)[page]).content.decode()
            crumbs = shown.partition('class="breadcrumbs"')[2].partition("</div>")[0]
            assert f">{name}</a>" in crumbs, page


def test_an_environment_is_a_filter_once_it_is_chosen(admin: Client, rows: User) -> None:
    where, node = address(Node, "changelist"), row_of(Node)

    assert "By environment" not in admin.get(where).content.decode()
    chosen = admin.get(where, {"environment": str(node.environment_id)}).content.decode()
    assert "By environment" in chosen
    assert named(node.environment) in chosen


def ask(admin: Client, action: str, *rows: Any, confirmed: bool = False) -> str:
    """Use an action on rows of one kind; gives the page that follows."""
    body = {"action": action, ACTION_CHECKBOX_NAME: [str(row.pk) for row in rows]}
    where = address(type(rows[0]), "changelist")
    sure = {"confirmed": "yes"} if confirmed else {}
    return admin.post(where, {**body, **sure}, follow=True).content.decode()


def test_it_is_asked_with_the_account_and_environment_of_each_row(
    admin: Client, rows: User
) -> None:
    add_rows()
    keys = list(ApiKey.objects.select_related("environment__account"))

    page = ask(admin, "disable", *keys)

    assert len({key.environment_id for key in keys}) > 1
    for key in keys:
        assert f"<li>{key} in {named(key.environment)}</li>" in page


@pytest.mark.parametrize(
    ("model", "action", "done"),
    [
        (ApiKey, "disable", "disabled"),
        (Identity, "deactivate", "deactivated"),
        (User, "deactivate", "deactivated"),
    ],
)
def test_what_was_so_already_is_not_told_as_done(
    admin: Client, rows: User, model: type[Any], action: str, done: str
) -> None:
    first = row_of(model)

    assert f"1 {done}." in ask(admin, action, first, confirmed=True)
    told = ask(admin, action, first, confirmed=True)
    assert f"1 was {done} already." in told
    assert f"1 {done}." not in told


def test_a_tree_is_checked_from_its_nodes(admin: Client, rows: User) -> None:
    nodes = list(Node.objects.filter(environment=row_of(Node).environment_id))

    told = ask(admin, "check_tree", *nodes)

    assert len(nodes) > 1
    assert told.count("the tree is whole.") == 1

    Node.objects.filter(pk=nodes[-1].pk).update(depth=9)
    assert "problems." in ask(admin, "check_tree", nodes[0])
