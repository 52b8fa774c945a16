"""Validation of documents, alone and together with others."""
