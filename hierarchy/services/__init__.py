"""Acts on the tree: the only door to treebeard, and each takes the tree lock before it reads."""
