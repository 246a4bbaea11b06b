"""The tree of nodes; the only importer of treebeard."""
