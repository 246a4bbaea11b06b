"""Pages of API keys, whose acts know nodes."""
