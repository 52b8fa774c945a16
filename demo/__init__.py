"""A dozen contacts of a small shop: what they do, and what must come of it."""
