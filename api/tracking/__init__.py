"""The tracking API that Segment's clients speak."""
