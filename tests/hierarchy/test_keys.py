"""Acts on keys: nobody gains power through a key, and what is written down holds no secret."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import TeamRole
from common.errors import Conflict, DomainError, Forbidden, NotFound, RuleViolation
from common.refs import Ref
from environments.actors import Actor
from environments.keys import hash_key
from environments.models import ActorType, ApiKey, AuditEvent, Environment
from environments.queries import open_with_key
from environments.scopes import ALL_SCOPES, BOUND_SCOPES, SCOPES_OF_TEAM_ROLE, Scope
from hierarchy.models import Node
from hierarchy.services.keys import (
    create_api_key,
    delete_api_key,
    rotate_api_key,
    set_api_key_active,
)
from hierarchy.services.nodes import create_node
from tests.factories import EnvironmentFactory

pytestmark = pytest.mark.django_db
FULL = ApiKey.AccessMode.FULL_ACCESS
SCOPED = ApiKey.AccessMode.SCOPED
SYSTEM = Actor.system()
HOUR = timedelta(hours=1)
ACTS: dict[str, Any] = {
    "rotate": rotate_api_key,
    "enable": lambda **to: set_api_key_active(**to, is_active=True),
    "disable": lambda **to: set_api_key_active(**to, is_active=False),
    "delete": delete_api_key,
}
each_act = pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)


def program(*scopes: Scope, **others: Any) -> Actor:
    """A program that manages keys and has a few further scopes."""
    return Actor(ActorType.API_KEY, None, "small", frozenset({Scope.KEY_MANAGE, *scopes}), **others)


def add(environment: Environment, *scopes: Scope, actor: Actor = SYSTEM, **others: Any) -> ApiKey:
    """A key with these scopes, or with full access."""
    key, _ = create_api_key(
        actor=actor,
        environment=environment,
        name="sync",
        access_mode=SCOPED if scopes else FULL,
        scopes=scopes,
        **others,
    )
    return key


def rows() -> tuple[list[Any], int]:
    """Every key, and how many events there are."""
    return list(ApiKey.objects.order_by("pk").values()), AuditEvent.objects.count()


@pytest.fixture
def site(environment: Environment, root: Node) -> Node:
    """A node below the root."""
    return create_node(
        actor=SYSTEM, environment=environment, parent=Ref.of(root.pk), name="Site", external_id="s"
    )


@pytest.fixture
def room(environment: Environment, site: Node) -> Node:
    """A node below the site."""
    return create_node(actor=SYSTEM, environment=environment, parent=Ref.of(site.pk), name="Room")


def test_create_api_key_keeps_only_the_hash(environment) -> None:
    key, text = create_api_key(actor=SYSTEM, environment=environment, name="sync", access_mode=FULL)

    assert bytes(key.key_hash) == hash_key(text)
    event = AuditEvent.objects.get(resource_id=key.pk)
    assert event.action == "api_key.created"
    assert text not in str(event.metadata)
    assert text[8:-4] not in str(ApiKey.objects.filter(pk=key.pk).values())


def test_rotate_api_key_keeps_only_the_hash(environment) -> None:
    key = add(environment)

    rotated, text = rotate_api_key(actor=SYSTEM, environment=environment, key_id=key.pk, grace=HOUR)

    assert bytes(rotated.key_hash) == hash_key(text)
    assert rotated.former_hash is not None
    assert bytes(rotated.former_hash) == bytes(key.key_hash)
    event = AuditEvent.objects.get(action="api_key.rotated")
    assert event.metadata["before"] == {"key_preview": key.key_preview}
    assert event.metadata["after"]["key_preview"] == rotated.key_preview
    assert text[8:-4] not in str(event.metadata)


@pytest.mark.parametrize(("mode", "scopes"), [(FULL, [Scope.EVALUATE]), (SCOPED, [])])
def test_create_api_key_refuses_scopes_that_do_not_fit_the_mode(environment, mode, scopes) -> None:
    with pytest.raises(RuleViolation) as refusal:
        create_api_key(
            actor=SYSTEM, environment=environment, name="x", access_mode=mode, scopes=scopes
        )

    assert refusal.value.code == "api_keys.scopes_do_not_fit"
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("scope", sorted(ALL_SCOPES))
def test_no_one_makes_a_key_with_a_scope_that_they_lack(environment, scope) -> None:
    actor = replace(SYSTEM, scopes=ALL_SCOPES - {scope})

    for scopes in ([], [scope]):
        with pytest.raises(Forbidden, match=rf"^This needs the scope {scope}\.$"):
            add(environment, *scopes, actor=actor)

    assert not ApiKey.objects.exists()


@each_act
@pytest.mark.parametrize("scopes", [(), (Scope.IDENTITY_MANAGE,)], ids=["full", "scoped"])
def test_no_one_acts_on_a_key_that_may_more(environment, act, scopes) -> None:
    stronger = add(environment, *scopes)
    almost = replace(SYSTEM, scopes=ALL_SCOPES - {Scope.IDENTITY_MANAGE})
    before = rows()

    for actor in (program(Scope.IDENTITY_VIEW), almost):
        with pytest.raises(Forbidden) as refusal:
            act(actor=actor, environment=environment, key_id=stronger.pk)
        assert refusal.value.code == "scope_missing"

    assert rows() == before


@each_act
def test_a_scope_of_ones_own_is_enough_to_act_on_a_key_with_it(environment, act) -> None:
    key = add(environment, Scope.IDENTITY_VIEW, expires_at=timezone.now() + HOUR)
    actor = program(Scope.IDENTITY_VIEW, expires_at=timezone.now() + 2 * HOUR)
    before = rows()

    act(actor=actor, environment=environment, key_id=key.pk)

    assert rows() != before or act is ACTS["enable"]


@pytest.mark.parametrize("team_role", [TeamRole.VIEWER, TeamRole.MEMBER])
def test_viewers_and_members_act_on_no_key(environment, team_role) -> None:
    key = add(environment, Scope.EVALUATE)
    actor = replace(SYSTEM, scopes=SCOPES_OF_TEAM_ROLE[team_role])
    before = rows()

    with pytest.raises(Forbidden):
        add(environment, Scope.EVALUATE, actor=actor)
    for act in ACTS.values():
        with pytest.raises(Forbidden):
            act(actor=actor, environment=environment, key_id=key.pk)

    assert rows() == before


@pytest.mark.parametrize("later", [timedelta(seconds=1), None], ids=["later", "never"])
def test_no_key_outlives_its_maker(environment, later) -> None:
    own = timezone.now() + HOUR
    actor = program(Scope.EVALUATE, expires_at=own)

    with pytest.raises(Forbidden) as refusal:
        add(environment, Scope.EVALUATE, actor=actor, expires_at=later and own + later)

    assert refusal.value.code == "beyond_own_expiry"
    assert not ApiKey.objects.exists()
    assert add(environment, Scope.EVALUATE, actor=actor, expires_at=own).expires_at == own


@each_act
def test_no_key_acts_on_one_that_lasts_longer(environment, act) -> None:
    key = add(environment, Scope.EVALUATE)
    actor = program(Scope.EVALUATE, expires_at=timezone.now() + HOUR)
    before = rows()

    with pytest.raises(Forbidden) as refusal:
        act(actor=actor, environment=environment, key_id=key.pk)

    assert refusal.value.code == "beyond_own_expiry"
    assert rows() == before


def test_an_expired_key_is_not_made_and_not_rotated(environment) -> None:
    past = timezone.now() - HOUR
    with pytest.raises(RuleViolation) as made:
        add(environment, expires_at=past)
    key = add(environment)
    ApiKey.objects.update(expires_at=past)

    with pytest.raises(Conflict) as rotated:
        rotate_api_key(actor=SYSTEM, environment=environment, key_id=key.pk)

    assert made.value.code == "api_keys.expired_from_the_start"
    assert rotated.value.code == "api_keys.expired"


def test_rotation_keeps_all_but_the_text(environment, site) -> None:
    ends = timezone.now() + HOUR
    key = add(environment, Scope.EVALUATE, node=Ref.of(site.pk), expires_at=ends)
    changing = ("key_hash", "key_preview", "former_hash", "former_until")
    [before] = ApiKey.objects.values()

    rotate_api_key(actor=SYSTEM, environment=environment, key_id=key.pk, grace=HOUR)

    [after] = ApiKey.objects.values()
    assert {name for name, value in after.items() if value != dict(before)[name]} == set(changing)


def test_a_text_opens_until_it_is_rotated_away(environment) -> None:
    key, first = create_api_key(
        actor=SYSTEM, environment=environment, name="sync", access_mode=FULL
    )

    def rotate(grace: timedelta) -> str:
        return rotate_api_key(actor=SYSTEM, environment=environment, key_id=key.pk, grace=grace)[1]

    second = rotate(HOUR)
    assert [open_with_key(text) for text in (first, second)] == [key, key]
    third = rotate(HOUR)
    assert [open_with_key(text) for text in (first, second, third)] == [None, key, key]
    fourth = rotate(timedelta(0))
    texts = (first, second, third, fourth)
    assert [open_with_key(text) for text in texts] == [None, None, None, key]


def test_a_disabled_or_deleted_key_opens_nothing_with_either_text(environment) -> None:
    to: dict[str, Any] = {"actor": SYSTEM, "environment": environment}
    key, former = create_api_key(**to, name="sync", access_mode=FULL)
    _, text = rotate_api_key(**to, key_id=key.pk, grace=HOUR)

    def opened() -> list[ApiKey | None]:
        return [open_with_key(each) for each in (former, text)]

    assert opened() == [key, key]
    set_api_key_active(**to, key_id=key.pk, is_active=False)
    assert opened() == [None, None]
    set_api_key_active(**to, key_id=key.pk, is_active=True)
    assert opened() == [key, key]
    delete_api_key(**to, key_id=key.pk)
    assert opened() == [None, None]


@each_act
def test_keys_of_another_environment_are_not_found(environment, act) -> None:
    key = add(environment)
    before = rows()

    with pytest.raises(NotFound) as refusal:
        act(actor=SYSTEM, environment=EnvironmentFactory.create(), key_id=key.pk)

    assert refusal.value.code == "api_keys.not_found"
    assert rows() == before


@pytest.mark.parametrize("named", ["id", "ext"])
def test_a_key_is_bound_to_a_node_by_either_of_its_ids(environment, site, named) -> None:
    ref = Ref("ext", "s") if named == "ext" else Ref.of(site.pk)

    assert add(environment, *sorted(BOUND_SCOPES), node=ref).node_id == site.pk


@pytest.mark.parametrize("scope", sorted(ALL_SCOPES - BOUND_SCOPES))
def test_a_bound_key_carries_no_scope_of_the_whole_environment(environment, site, scope) -> None:
    with pytest.raises(RuleViolation) as refusal:
        add(environment, Scope.EVALUATE, scope, node=Ref.of(site.pk))

    assert refusal.value.code == "api_keys.scopes_beyond_node"
    assert refusal.value.details == [f"scopes: {scope} does not go with node_id"]
    assert not ApiKey.objects.exists()


def test_a_bound_key_is_a_scoped_one(environment, site) -> None:
    with pytest.raises(RuleViolation) as refusal:
        add(environment, node=Ref.of(site.pk))

    assert refusal.value.code == "api_keys.scopes_beyond_node"
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"access_mode": "full_access", "scopes": []},
        {"scopes": ["permissions.evaluate", "audit.view"]},
    ],
    ids=["full", "scoped"],
)
def test_the_database_itself_refuses_a_bound_key_that_may_more(environment, site, change) -> None:
    add(environment, Scope.EVALUATE, node=Ref.of(site.pk))

    with pytest.raises(IntegrityError, match="api_key_bound_scopes"), transaction.atomic():
        ApiKey.objects.update(**change)


def test_a_key_is_bound_to_no_node_that_is_not_there(environment, make_environment, site) -> None:
    other = make_environment()
    Node.objects.filter(pk=site.pk).update(deleted_at=timezone.now())
    refusals = []

    for where, ref in (
        (other, Ref.of(site.pk)), (environment, Ref.of(site.pk)), (environment, Ref("ext", "s"))
    ):  # fmt: skip
        with pytest.raises(NotFound) as refusal:
            add(where, Scope.EVALUATE, node=ref)
        refusals.append((refusal.value.code, refusal.value.details))

    assert refusals == [("api_keys.node_not_found", ["node_id: does not exist"])] * 3
    assert not ApiKey.objects.exists()


def test_whoever_is_bound_makes_and_changes_keys_below_only(environment, root, site, room) -> None:
    """No key can be made that is bound and manages keys; the guard does not count on it."""
    actor = program(Scope.EVALUATE, node_id=site.pk)

    for node in (root, None):
        with pytest.raises(Forbidden) as refusal:
            add(environment, Scope.EVALUATE, actor=actor, node=node and Ref.of(node.pk))
        assert refusal.value.code == "beyond_own_node"
        key = add(environment, Scope.EVALUATE, node=node and Ref.of(node.pk))
        for act in ACTS.values():
            with pytest.raises(Forbidden, match="beyond the node"):
                act(actor=actor, environment=environment, key_id=key.pk)

    for node in (site, room):
        key = add(environment, Scope.EVALUATE, actor=actor, node=Ref.of(node.pk))
        for act in ACTS.values():
            act(actor=actor, environment=environment, key_id=key.pk)


def test_a_refusal_leaves_nothing_behind(environment) -> None:
    with pytest.raises(DomainError):
        add(environment, expires_at=datetime(2020, 1, 1, tzinfo=timezone.get_current_timezone()))

    assert rows()[1] == 1  # the environment's own
