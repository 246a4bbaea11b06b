"""Pages of environments: the list of one's own, and their API keys."""
