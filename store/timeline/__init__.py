"""The timeline of a contact: all that happened to it, in one order."""
