"""Making an environment, which is never without its root."""

from __future__ import annotations

from django.db import transaction
from django.utils.text import slugify

from accounts.models import Account
from environments.actors import Actor
from environments.models import Environment
from environments.services import audit
from hierarchy.locks import lock_roots
from hierarchy.models import Node

ROOT_NODE_TYPE = "root"


@transaction.atomic
def create_environment(*, actor: Actor, account: Account, name: str) -> Environment:
    """Make an environment that holds nothing but its root.

    Args:
        actor: who makes it.
        account: who owns it.
        name: what people call it, unique in the account by its slug.

    Returns:
        The saved environment.

    Raises:
        IntegrityError: if the account already has one of this name.
    """
    environment = Environment.objects.create(
        account=account, name=name, slug=slugify(name) or "environment"
    )
    lock_roots()
    root = Node.objects.add_root(
        instance=Node(
            environment=environment, name=account.name, slug="root", node_type=ROOT_NODE_TYPE
        )
    )
    audit.record(
        actor=actor,
        environment=environment,
        action="environment.created",
        resource=environment,
        after={"name": name, "root_node_id": root.pk},
    )
    return environment
