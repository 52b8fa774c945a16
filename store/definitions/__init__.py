"""Journeys with their versions, the other documents, and the catalog that keeps them in memory."""
