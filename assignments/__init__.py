"""Permissions, roles, assignments and the access decision."""
