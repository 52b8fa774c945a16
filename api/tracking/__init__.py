"""The tracking API, in the form that Segment's client libraries use."""
