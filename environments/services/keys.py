"""What using a key writes; hierarchy holds the acts on keys, whose guard knows nodes."""

from django.db.models import Q
from django.db.models.functions import Now

from environments.models import ApiKey
from environments.queries import LAST_USED_PRECISION


def note_use(key: ApiKey) -> None:
    """Write when a key was last used; harmless when several requests do it at once.

    Args:
        key: the key that opened a request.
    """
    stale = Q(last_used_at=None) | Q(last_used_at__lt=Now() - LAST_USED_PRECISION)
    ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=Now())
