"""Acts on permissions, roles and assignments, and those on nodes and identities that touch assignments."""
