"""How allauth's sign-up becomes an account of ours."""

from allauth.account.adapter import DefaultAccountAdapter


class SignUpAdapter(DefaultAccountAdapter):
    """Asks us whether someone may sign up, and opens their account when they do."""
