"""Identities and the invitations that activate them."""
