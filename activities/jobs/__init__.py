"""Activities that work through one page of a job."""
