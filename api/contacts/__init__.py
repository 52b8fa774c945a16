"""Routes of contacts, groups and consent."""
