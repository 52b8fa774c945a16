"""Settings, logging and clients, for entry points."""
