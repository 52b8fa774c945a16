"""Routes of contacts, groups and topics."""
