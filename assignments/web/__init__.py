"""The pages of what assignments are part of."""
