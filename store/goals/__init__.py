"""Goals of runs: set, matched with events, and met."""
