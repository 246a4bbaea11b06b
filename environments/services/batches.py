"""One act on many rows."""

from environments.actors import Actor
from environments.models import Batch, Environment


def open_batch(
    *,
    actor: Actor,
    environment: Environment,
    action: str,
    counts: dict[str, int] | None = None,
    undo_of: Batch | None = None,
) -> Batch:
    """Begin an act on many rows, in the transaction of the act.

    Args:
        actor: who acts.
        environment: where.
        action: dotted, such as `assignment.bulk_created`.
        counts: how many rows had which outcome, where it is known already.
        undo_of: the batch that this one undoes, if it is an undo.

    Returns:
        The saved batch, whose id the rows carry.
    """
    return Batch.objects.create(
        environment=environment,
        action=action,
        actor_type=actor.type,
        actor_id=actor.id,
        actor_label=actor.label,
        counts=counts or {},
        undo_of=undo_of,
    )
