"""Servers, sinks and waiting for tests."""
