"""What every page knows about the service that serves it."""

from django.conf import settings
from django.http import HttpRequest


def local_service(request: HttpRequest) -> dict[str, bool]:
    """Whether there is a Mail page to point to.

    Args:
        request: any.

    Returns:
        `mail_page` for templates.
    """
    return {"mail_page": settings.MAIL_PAGE}
