"""Webhooks: calls to other systems, signed, and kept away from private addresses."""
