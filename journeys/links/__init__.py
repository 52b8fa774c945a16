"""Links in messages: their signed tokens, addresses, tracking and the classification of hits."""
