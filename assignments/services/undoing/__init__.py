"""How each kind of event is taken back: planned by reading, then written, all rows of a kind together."""
