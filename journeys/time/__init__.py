"""Durations, instants and time zones."""
