"""The activities of waits: planning and closing them."""
