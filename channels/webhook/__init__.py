"""Webhooks: signed calls to other systems at public addresses."""
