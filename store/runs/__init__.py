"""Runs and their visits."""
