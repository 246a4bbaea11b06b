"""May this identity do this, here: answered from the rows by one statement, and explained by another."""
