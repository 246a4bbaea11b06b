"""What the database's named constraints mean in the domain's words."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from django.db import IntegrityError

from common.errors import DomainError


def constraint_of(error: IntegrityError) -> str | None:
    """The name of the constraint that a write broke.

    Args:
        error: what Django raised.

    Returns:
        The name, or None where PostgreSQL does not tell.
    """
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)


@contextmanager
def breaking(refusals: Mapping[str, Callable[[], DomainError]]) -> Iterator[None]:
    """Turn a broken constraint into the refusal it means; the transaction is lost either way.

    The constraint is the check: one made beforehand could be overtaken.

    Args:
        refusals: what makes the refusal, by the constraint's name.

    Raises:
        DomainError: the refusal of the constraint that was broken.
        IntegrityError: if it is none of these.
    """
    try:
        yield
    except IntegrityError as error:
        refusal = refusals.get(constraint_of(error) or "")
        if refusal is None:
            raise
        raise refusal() from error
