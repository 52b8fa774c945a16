"""Jobs, faults, API keys, health and the cursor of the reconciliation."""
