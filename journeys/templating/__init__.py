"""Liquid templates."""
