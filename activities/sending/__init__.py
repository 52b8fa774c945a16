"""The activity that sends a message: claim, composition, provider call and record."""
