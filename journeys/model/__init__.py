"""The language as models: journeys, steps, triggers, conditions, and the values in them."""
