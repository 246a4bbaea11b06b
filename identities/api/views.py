"""`/identities`, but for what concerns assignments; that lives with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import F
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.bulk import outcome_body, read_rows
from common.api.endpoints import Endpoint
from common.api.pagination import paged
from common.api.parsers import MAX_BULK_BODY_BYTES
from common.api.serializers import Message
from common.api.versions import etag, expected_version, versioned
from common.outcomes import accepted, carried_on
from common.refs import Ref
from environments.api.base import EnvironmentViewSet
from environments.scopes import Scope
from identities.api.serializers import (
    IdentityBulk,
    IdentityBulkAnswer,
    IdentityChange,
    IdentityCreate,
    IdentityPage,
    IdentityQuery,
    IdentityRow,
    identity_row,
)
from identities.models import Identity
from identities.queries import get_identity
from identities.services.identities import (
    NewIdentity,
    create_identities,
    create_identity,
    update_identity,
)

VIEW, MANAGE = Scope.IDENTITY_VIEW, Scope.IDENTITY_MANAGE
_COLUMNS = {
    "email": ("email",),
    "name": ("first_name", "last_name", "email"),
    "created_at": ("created_at",),
}


class IdentityViewSet(EnvironmentViewSet):
    """End users of the customer's own application."""

    endpoints: ClassVar[Mapping[str, Endpoint]] = {
        "list": Endpoint(VIEW, "List identities", query=IdentityQuery, answer=IdentityPage),
        "create": Endpoint(
            MANAGE, "Make an identity known", body=IdentityCreate, answer=IdentityRow, status=201
        ),
        "bulk_create": Endpoint(
            MANAGE,
            "Make up to 10,000 identities known; each row stands for itself",
            body=IdentityBulk,
            answer=IdentityBulkAnswer,
            statuses=(207,),
            max_body_bytes=MAX_BULK_BODY_BYTES,
        ),
        "retrieve": Endpoint(VIEW, "Show an identity", answer=IdentityRow),
        "partial_update": Endpoint(
            MANAGE, "Change an identity", body=IdentityChange, answer=IdentityRow, versioned=True
        ),
        "activate": Endpoint(MANAGE, "Make an identity active", answer=Message, versioned=True),
        "deactivate": Endpoint(
            MANAGE, "Keep an identity from doing anything", answer=Message, versioned=True
        ),
    }

    def present(self, row: Identity) -> dict[str, Any]:
        """One identity as it is shown."""
        return identity_row(row)

    def list(self, request: Request) -> Response:
        """A page of identities."""
        rows = Identity.objects.in_environment(self.environment)
        if "status" in self.params:
            rows = rows.filter(status=self.params["status"])
        if "q" in self.params:
            rows = rows.search(self.params["q"])
        newest_first = self.params["sort_by"] == "created_at" and "order" not in self.params
        descending = newest_first or self.params.get("order") == "desc"
        columns = [F(name) for name in _COLUMNS[self.params["sort_by"]]]
        order = [column.desc() if descending else column.asc() for column in columns]
        return Response(paged(rows.order_by(*order, "pk"), self.params, self.present))

    def create(self, request: Request) -> Response:
        """A new identity."""
        row = create_identity(
            actor=self.actor, environment=self.environment, new=NewIdentity(**self.data)
        )
        return versioned(self.present(row), status=201)

    def bulk_create(self, request: Request) -> Response:
        """Many new identities."""
        inputs = self.data["identities"]
        read = read_rows(inputs, IdentityCreate)
        new = [NewIdentity(**row) for row in accepted(read)]
        batch, outcomes = create_identities(
            actor=self.actor,
            environment=self.environment,
            new=new,
            unreadable=len(read) - len(new),
        )
        body = outcome_body(inputs, carried_on(read, outcomes), self.present, 201)
        return Response(
            {**body, "batch_id": batch and batch.pk},
            status=207 if body["summary"]["failed"] else 200,
        )

    def retrieve(self, request: Request, pk: Ref) -> Response:
        """One identity."""
        return versioned(self.present(get_identity(self.environment, pk)))

    def partial_update(self, request: Request, pk: Ref) -> Response:
        """An identity changed."""
        return versioned(self.present(self._change(request, pk, self.data)))

    def activate(self, request: Request, pk: Ref) -> Response:
        """An identity active."""
        row = self._change(request, pk, {"status": Identity.Status.ACTIVE})
        return Response({"message": f"{row.name} is active."}, headers=etag(row.version))

    def deactivate(self, request: Request, pk: Ref) -> Response:
        """An identity inactive."""
        row = self._change(request, pk, {"status": Identity.Status.INACTIVE})
        return Response({"message": f"{row.name} is inactive."}, headers=etag(row.version))

    def _change(self, request: Request, pk: Ref, changes: Mapping[str, Any]) -> Identity:
        return update_identity(
            actor=self.actor,
            environment=self.environment,
            identity=pk,
            changes=changes,
            expected_version=expected_version(request),
        )
