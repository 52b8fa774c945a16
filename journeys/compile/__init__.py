"""The compiler from journeys to programs, and the analysis of their flow."""
