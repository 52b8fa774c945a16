"""Activities: what workflows ask for. They plan waits, decide, send, change contacts, end runs."""
