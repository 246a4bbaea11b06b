"""Pages of environments: the list of one's own."""
