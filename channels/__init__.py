"""A folder a channel: adapters that send, and understand what comes back."""
