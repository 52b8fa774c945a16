"""The command `parcours`, a module a noun."""
