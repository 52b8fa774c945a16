"""The demo: a dozen contacts of a small shop, what they do, and what is expected to happen."""
