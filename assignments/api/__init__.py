"""The API of permissions, roles, assignments and the decision."""
