"""Slugs: the short form of a node's name, unique among its siblings."""

from collections.abc import Iterable

from django.utils.text import slugify

LONGEST = 100


def slug_of(name: str) -> str:
    """The slug that a name suggests.

    Args:
        name: what people call the node.

    Returns:
        Small letters, digits and hyphens; `node` for a name without any.
    """
    return slugify(name)[:LONGEST].strip("-") or "node"


class Siblings:
    """The slugs below one parent.

    Args:
        taken: those that live siblings have.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        # Where to go on counting, so that ten thousand nodes of one name cost ten thousand looks.
        self._last_number: dict[str, int] = {}

    def take(self, slug: str) -> bool:
        """Give a slug away.

        Args:
            slug: which.

        Returns:
            False if it was taken already.
        """
        if slug in self._taken:
            return False
        self._taken.add(slug)
        return True

    def take_like(self, wanted: str) -> str:
        """Give away the wanted slug, or the same with the first free number.

        Args:
            wanted: what the name suggests.

        Returns:
            At most 100 characters.
        """
        slug, number = wanted, self._last_number.get(wanted, 1)
        while not self.take(slug):
            number += 1
            ending = f"-{number}"
            slug = wanted[: LONGEST - len(ending)] + ending
        self._last_number[wanted] = number
        return slug
