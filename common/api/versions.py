"""Optimistic concurrency: a row's version as its ETag."""

import re
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from common.api.errors import ApiError


def expected_version(request: Request) -> int | None:
    """The version that the caller read, from If-Match, quoted or bare.

    Args:
        request: what was asked.

    Returns:
        The version, or None where the last write may win.

    Raises:
        ApiError: 400 if the header holds anything but one version.
    """
    header = request.META.get("HTTP_IF_MATCH", "").strip()
    if header in ("", "*"):
        return None
    found = re.fullmatch(r'"([0-9]{1,9})"|([0-9]{1,9})', header)
    if not found:
        raise ApiError(
            400, "invalid", "The request is not valid.", details=["If-Match: must be a version"]
        )
    return int(found[1] or found[2])


def etag(version: int) -> dict[str, str]:
    """The header that tells a row's version.

    Args:
        version: the row's.

    Returns:
        Headers for an answer.
    """
    return {"ETag": f'"{version}"'}


def versioned(data: dict[str, Any], status: int = 200) -> Response:
    """One row with its version as the ETag.

    Args:
        data: the row as it is shown, with its `version`.
        status: the HTTP status.

    Returns:
        The answer.
    """
    return Response(data, status=status, headers=etag(data["version"]))
