"""Writing to `/identities`, but for what concerns assignments; that lives with them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from common.api.bulk import answer_plan, answer_rows
from common.api.endpoints import Endpoint
from common.api.parsers import MAX_BULK_BODY_BYTES
from common.api.serializers import BulkQuery, Message, WriteQuery
from common.api.versions import etag, expected_version, versioned
from common.refs import Ref
from environments.api.base import EnvironmentViewSet
from environments.scopes import Scope
from identities.api.serializers import (
    IdentityBulk,
    IdentityBulkAnswer,
    IdentityChange,
    IdentityCreate,
    IdentityRow,
    identity_row,
    planned_identity_row,
)
from identities.models import Identity
from identities.services.change import ChangedIdentity, plan_identity_change, update_identity
from identities.services.identities import NewIdentity, create_identities, plan_identities

VIEW, MANAGE = Scope.IDENTITY_VIEW, Scope.IDENTITY_MANAGE


class IdentityViewSet(EnvironmentViewSet):
    """End users of the customer's own application."""

    endpoints: ClassVar[Mapping[str, Endpoint]] = {
        "bulk_create": Endpoint(
            MANAGE,
            "Make up to 10,000 identities known; each row stands for itself",
            query=BulkQuery,
            body=IdentityBulk,
            answer=IdentityBulkAnswer,
            statuses=(207,),
            max_body_bytes=MAX_BULK_BODY_BYTES,
            creates=True,
        ),
        "partial_update": Endpoint(
            MANAGE,
            "Change an identity",
            query=WriteQuery,
            body=IdentityChange,
            answer=IdentityRow,
            versioned=True,
        ),
        "activate": Endpoint(
            MANAGE, "Make an identity active", query=WriteQuery, answer=Message, versioned=True
        ),
        "deactivate": Endpoint(
            MANAGE,
            "Keep an identity from doing anything",
            query=WriteQuery,
            answer=Message,
            versioned=True,
        ),
    }

    def present(self, row: Identity) -> dict[str, Any]:
        """One identity as it is shown."""
        return identity_row(row)

    def bulk_create(self, request: Request) -> Response:
        """Many new identities."""
        actor, environment = self.actor, self.environment
        return answer_rows(
            request,
            inputs=self.data["identities"],
            shape=IdentityCreate,
            read=lambda row: NewIdentity(**row),
            plan=lambda rows: plan_identities(actor, environment, rows),
            act=partial(create_identities, actor=actor, environment=environment),
            preview=planned_identity_row,
            present=self.present,
            code=201,
            **self.params,
        )

    def partial_update(self, request: Request, pk: Ref) -> Response:
        """An identity changed."""
        change = self._change(request, pk, self.data)
        if self.params["dry_run"]:
            return answer_plan(
                lambda: self.present(plan_identity_change(**change).row),
                code=200,
                given=request.data,
            )
        return versioned(self.present(update_identity(**change)))

    def activate(self, request: Request, pk: Ref) -> Response:
        """An identity active."""
        return self._switch(request, pk, Identity.Status.ACTIVE)

    def deactivate(self, request: Request, pk: Ref) -> Response:
        """An identity inactive."""
        return self._switch(request, pk, Identity.Status.INACTIVE)

    def _switch(self, request: Request, pk: Ref, status: Identity.Status) -> Response:
        change = self._change(request, pk, {"status": status})
        if self.params["dry_run"]:
            return answer_plan(lambda: _effects(plan_identity_change(**change)), code=200)
        row = update_identity(**change)
        return Response({"message": f"{row.name} is {status}."}, headers=etag(row.version))

    def _change(self, request: Request, pk: Ref, changes: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "actor": self.actor,
            "environment": self.environment,
            "identity": pk,
            "changes": changes,
            "expected_version": expected_version(request),
        }


def _effects(plan: ChangedIdentity) -> dict[str, Any]:
    return {
        "status": plan.row.status,
        "version": plan.row.version,
        "invitation": plan.invitation,
    }
