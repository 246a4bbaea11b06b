"""The page at which an invited person accepts; it asks nobody to sign in."""
