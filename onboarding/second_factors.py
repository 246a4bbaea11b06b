"""How allauth keeps what second factors are checked with: encrypted under the service's own secret."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any, ClassVar

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.utils.encoding import force_bytes

_PURPOSE = b"second factors: "


def _box() -> MultiFernet:
    """Seals with the secret, and opens what a former one has sealed."""
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    keys = [urlsafe_b64encode(sha256(_PURPOSE + force_bytes(one)).digest()) for one in secrets]
    return MultiFernet([Fernet(key) for key in keys])


class SealedFactors(DefaultMFAAdapter):
    """Seals TOTP secrets and recovery codes, so that a copy of the database opens nothing."""

    error_messages: ClassVar = {
        **DefaultMFAAdapter.error_messages,
        "add_email_blocked": "Remove your second factors before you add an e-mail address.",
        "cannot_delete_authenticator": "You cannot remove your last second factor.",
        "cannot_generate_recovery_codes": "Set up a second factor first; recovery codes stand in for it.",
        "unverified_email": "Verify your e-mail address before you set up a second factor.",
    }

    def generate_authenticator_name(self, user: Any, type: Authenticator.Type) -> str:
        """See `DefaultMFAAdapter`; only passkeys have names."""
        there = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return f"Passkey {there + 1}" if there else "Passkey"

    def encrypt(self, text: str) -> str:
        """See `DefaultMFAAdapter`."""
        return _box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """See `DefaultMFAAdapter`."""
        return _box().decrypt(encrypted_text.encode()).decode()
