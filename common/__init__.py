"""Errors and API conventions that every app shares; imports nothing of ours."""
