"""Rendering and analysis of Liquid templates."""
