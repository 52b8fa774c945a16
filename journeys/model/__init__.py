"""Models of the language: journeys, steps, triggers, conditions and their values."""
