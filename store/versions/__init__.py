"""Migration of runs to another version of their journey, and its preview."""
