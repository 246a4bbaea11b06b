"""The operators' admin, once every app has put its rows into it."""

import accounts.admin
import assignments.admin
import environments.admin
import hierarchy.admin
import identities.admin
import onboarding.admin
from common.admin import operators

__all__ = ["APPS", "operators"]

# Imported for what they register.
APPS = (
    accounts.admin,
    environments.admin,
    hierarchy.admin,
    identities.admin,
    assignments.admin,
    onboarding.admin,
)
