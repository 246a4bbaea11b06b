"""Which method of an address calls which action of its view set."""

from typing import Any

from django.urls import register_converter

from common.refs import Ref, parse_ref


def rows(**others: str) -> dict[str, Any]:
    """The usual actions on a collection.

    Args:
        others: further methods, or other actions for the usual ones.

    Returns:
        What `ViewSet.as_view` takes.
    """
    return {"get": "list", "post": "create", **others}


def row(**others: str) -> dict[str, Any]:
    """The usual actions on one row.

    Args:
        others: further methods, or other actions for the usual ones.

    Returns:
        What `ViewSet.as_view` takes.
    """
    return {"get": "retrieve", "patch": "partial_update", "delete": "destroy", **others}


class NodeRefConverter:
    """A node in an address: its id or `ext:<external_id>`; anything else matches no address."""

    regex = "[^/]{1,260}"  # email: and the longest address
    takes_email = False

    def to_python(self, value: str) -> Ref:
        """The reference that the address holds."""
        return parse_ref(value, email=self.takes_email)

    def to_url(self, value: object) -> str:
        """The reference as it stands in an address."""
        return str(value)


class IdentityRefConverter(NodeRefConverter):
    """An identity in an address: its id, `ext:<external_id>` or `email:<address>`."""

    takes_email = True


register_converter(NodeRefConverter, "node")
register_converter(IdentityRefConverter, "identity")
