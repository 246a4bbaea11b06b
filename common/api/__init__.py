"""The REST conventions of docs/api.md, as parts that every API is built from."""
