"""Journeys with their versions, the other documents, and the catalog that caches them."""
