"""How runs begin."""
