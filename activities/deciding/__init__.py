"""Activities that decide at once: conditions, branches, splits, changes of the contact."""
