"""Acts on identities; those that also touch assignments live with assignments."""
