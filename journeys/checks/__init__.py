"""Validation: whether documents make sense, alone and together."""
