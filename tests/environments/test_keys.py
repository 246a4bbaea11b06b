import pytest

from common.errors import Forbidden, NotFound, RuleViolation
from environments.actors import Actor
from environments.keys import hash_key, looks_like_key, make_key
from environments.models import ActorType, ApiKey, AuditEvent
from environments.queries import open_with_key
from environments.scopes import Scope
from environments.services.keys import create_api_key, delete_api_key, set_api_key_active
from tests.factories import EnvironmentFactory

FULL = ApiKey.AccessMode.FULL_ACCESS
SCOPED = ApiKey.AccessMode.SCOPED


def test_a_mistyped_key_is_seen_without_a_query() -> None:
    key = make_key()
    mistyped = key[:10] + ("a" if key[10] != "a" else "b") + key[11:]

    assert looks_like_key(key)
    assert not looks_like_key(mistyped)
    assert not looks_like_key(key + "0")
    assert not looks_like_key("trl_" + "\u0660" * 38)


@pytest.mark.django_db
def test_create_api_key_keeps_only_the_hash() -> None:
    environment = EnvironmentFactory.create()

    key, text = create_api_key(
        actor=Actor.system(), environment=environment, name="sync", access_mode=FULL
    )

    assert bytes(key.key_hash) == hash_key(text)
    event = AuditEvent.objects.get(resource_id=key.pk)
    assert event.action == "api_key.created"
    assert text not in str(event.metadata)
    assert text[8:-4] not in str(ApiKey.objects.filter(pk=key.pk).values())


@pytest.mark.django_db
@pytest.mark.parametrize(("mode", "scopes"), [(FULL, [Scope.EVALUATE]), (SCOPED, [])])
def test_create_api_key_refuses_scopes_that_do_not_fit_the_mode(mode, scopes) -> None:
    environment = EnvironmentFactory.create()

    with pytest.raises(RuleViolation) as refusal:
        create_api_key(
            actor=Actor.system(),
            environment=environment,
            name="x",
            access_mode=mode,
            scopes=scopes,
        )

    assert refusal.value.code == "api_keys.scopes_do_not_fit"
    assert not ApiKey.objects.exists()


@pytest.mark.django_db
def test_no_key_makes_one_that_may_more() -> None:
    environment = EnvironmentFactory.create()
    small = Actor(
        ActorType.API_KEY, None, "small", frozenset({Scope.KEY_MANAGE, Scope.IDENTITY_VIEW})
    )

    with pytest.raises(Forbidden):
        create_api_key(actor=small, environment=environment, name="x", access_mode=FULL)
    with pytest.raises(Forbidden):
        create_api_key(
            actor=small,
            environment=environment,
            name="x",
            access_mode=SCOPED,
            scopes=[Scope.IDENTITY_MANAGE],
        )
    assert not ApiKey.objects.exists()


@pytest.mark.django_db
def test_no_key_switches_or_deletes_one_that_may_more() -> None:
    environment = EnvironmentFactory.create()
    big, _ = create_api_key(
        actor=Actor.system(), environment=environment, name="big", access_mode=FULL
    )
    small = Actor(ActorType.API_KEY, None, "small", frozenset({Scope.KEY_MANAGE}))

    with pytest.raises(Forbidden):
        set_api_key_active(actor=small, environment=environment, key_id=big.pk, is_active=False)
    with pytest.raises(Forbidden):
        delete_api_key(actor=small, environment=environment, key_id=big.pk)

    big.refresh_from_db()
    assert big.is_active
    assert big.deleted_at is None


@pytest.mark.django_db
def test_a_disabled_or_deleted_key_opens_nothing() -> None:
    environment = EnvironmentFactory.create()
    system = Actor.system()
    key, text = create_api_key(actor=system, environment=environment, name="sync", access_mode=FULL)

    assert open_with_key(text) == key
    set_api_key_active(actor=system, environment=environment, key_id=key.pk, is_active=False)
    assert open_with_key(text) is None
    set_api_key_active(actor=system, environment=environment, key_id=key.pk, is_active=True)
    assert open_with_key(text) == key
    delete_api_key(actor=system, environment=environment, key_id=key.pk)
    assert open_with_key(text) is None


@pytest.mark.django_db
def test_keys_of_another_environment_are_not_found() -> None:
    key, _ = create_api_key(
        actor=Actor.system(),
        environment=EnvironmentFactory.create(),
        name="theirs",
        access_mode=FULL,
    )

    with pytest.raises(NotFound):
        delete_api_key(actor=Actor.system(), environment=EnvironmentFactory.create(), key_id=key.pk)
