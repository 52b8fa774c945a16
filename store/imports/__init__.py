"""Imports and exports: files of contacts, their consents, suppressions and past events."""
