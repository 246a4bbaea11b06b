from collections import Counter

import pytest

from assignments.models import Assignment, Permission, Role
from common.errors import Conflict
from environments.actors import Actor
from environments.models import Environment
from hierarchy.models import Node
from hierarchy.queries import find_problems
from identities.models import Identity
from onboarding.services.sample import load_sample
from tests.onboarding.commands import run_command


@pytest.mark.django_db
def test_load_sample_makes_a_whole_company(environment: Environment, actor: Actor) -> None:
    load_sample(actor=actor, environment=environment)

    assert Identity.objects.in_environment(environment).count() == 40
    assert Role.objects.count() == 6
    assert 18 <= Permission.objects.count() <= 22
    assert Counter(Node.objects.values_list("node_type", flat=True)) == {
        "root": 1, "region": 3, "site": 7, "team": 12,
    }  # fmt: skip
    assert find_problems() == []
    states = Counter(row.state for row in Assignment.objects.with_state())
    assert states["scheduled"] == 4
    assert states["expired"] == 5
    assert states["active"] >= 38
    assert Identity.objects.filter(status="inactive").count() == 3


@pytest.mark.django_db
def test_load_sample_refuses_an_environment_that_holds_something(
    environment: Environment, actor: Actor
) -> None:
    Role.objects.create(environment=environment, name="Mine")

    with pytest.raises(Conflict) as refusal:
        load_sample(actor=actor, environment=environment)

    assert refusal.value.code == "sample.not_empty"
    assert not Identity.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_command_finds_an_environment_by_its_slugs_and_fills_it_once(
    environment: Environment,
) -> None:
    where = f"{environment.account.slug}/{environment.slug}"

    first = run_command("load_sample", "--environment", where)
    second = run_command("load_sample", "--environment", str(environment.pk))
    third = run_command("load_sample", "--environment", f"{where}s")

    assert first.returncode == 0, first.stderr
    assert "is filled" in first.stdout
    assert (second.returncode, third.returncode) == (1, 1)
    assert "Development is not empty" in second.stderr
    assert "There is no environment" in third.stderr
