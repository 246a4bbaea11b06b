"""Other packages' apps, called in the admin by what they are here."""

from allauth.account.apps import AccountConfig
from allauth.mfa.apps import MFAConfig
from django.contrib.admin.apps import SimpleAdminConfig


class OperatorsConfig(SimpleAdminConfig):
    """Django's admin."""

    verbose_name = "This admin"


class SignInConfig(AccountConfig):
    """allauth's sign-in."""

    verbose_name = "Sign-in"


class SecondFactorsConfig(MFAConfig):
    """allauth's second factors."""

    verbose_name = "Second factors"
