from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from accounts.models import User


class DemoLink(models.Model):
    """A link that signs in to the demo account once, on a local service only."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    # Only its SHA-256 is kept; the token has 256 random bits, so that a plain hash is enough.
    token_hash = models.BinaryField(max_length=32)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["token_hash"], name="demo_link_token_unique")
        ]

    def __str__(self) -> str:
        return f"for {self.user_id} until {self.expires_at}"
