"""Routes without a key: links, pages and hooks, each signed."""
