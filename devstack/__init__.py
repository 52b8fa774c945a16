"""The embedded stack: PostgreSQL, Temporal, an SMTP sink, API and worker."""
