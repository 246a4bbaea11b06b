"""Limits on requests: by address while no key is known, then by key."""

from __future__ import annotations

from typing import Literal

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from common.api.errors import ApiError
from environments.limits import Allowance, limiter
from environments.models import ApiKey


def count_guess(request: Request) -> None:
    """Count a key that opened nothing against its sender's address.

    A good key is never refused for the bad ones that others send from the same address: behind one proxy or
    router stand many.

    Args:
        request: what was sent.

    Raises:
        ApiError: 429 when the address has sent too many in this minute.
    """
    allowance = limiter.take(_address(request), settings.RATE_LIMIT_GUESSES)
    if not allowance.granted:
        raise too_many(allowance.reset_seconds)


def count_request(key: ApiKey, kind: Literal["evaluate", "others"]) -> Allowance:
    """Count a request against its key's limit.

    Args:
        key: the key that opened it.
        kind: which limit.

    Returns:
        Whether it is within the limit, and what is left of it.
    """
    return limiter.take(f"key {key.pk} {kind}", settings.RATE_LIMITS[kind])


def headers_of(allowance: Allowance) -> dict[str, str]:
    """What an answer tells of its key's limit.

    Args:
        allowance: what is left.

    Returns:
        `X-RateLimit-Limit`, `-Remaining` and `-Reset`, the last in seconds from now.
    """
    return {
        "X-RateLimit-Limit": str(allowance.limit),
        "X-RateLimit-Remaining": str(allowance.remaining),
        "X-RateLimit-Reset": str(allowance.reset_seconds),
    }


def address_of(request: HttpRequest) -> str:
    """Who sent a request, as far as limits by address go.

    Args:
        request: Django's or the REST framework's.

    Returns:
        An address; of those in X-Forwarded-For the one that NUM_PROXIES trusted proxies vouch for.
    """
    return str(BaseThrottle().get_ident(request))  # type: ignore[arg-type]  # it reads META alone


def _address(request: Request) -> str:
    return f"address {address_of(request)}"[:120]


def too_many(seconds: int) -> ApiError:
    """The refusal of a request beyond a limit.

    Args:
        seconds: until it may be sent again.

    Returns:
        429 with `Retry-After`.
    """
    error = ApiError(429, "rate_limited", "Too many requests in this minute; wait and try again.")
    error.wait = seconds
    return error
