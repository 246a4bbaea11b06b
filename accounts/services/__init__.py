"""Acts on people, accounts and their teams."""
