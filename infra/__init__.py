"""Settings, logging, clients and the embedded stack, for entry points."""
