import pytest
from django.db import transaction

from accounts.locks import lock_opening


@pytest.mark.django_db(transaction=True)
def test_the_opening_lock_lives_in_a_transaction() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        lock_opening()

    with transaction.atomic():
        lock_opening()
