"""Acts that make a working place: opening an account, its first keys, the demo account."""
