"""The activity that takes another version of a journey."""
