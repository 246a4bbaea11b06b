"""The API of the tree."""
