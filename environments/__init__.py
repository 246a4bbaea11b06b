"""Environments, their API keys, audit log, batches and outbox."""
