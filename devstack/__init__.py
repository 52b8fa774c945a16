"""The development stack: PostgreSQL, Temporal, an SMTP sink, the API and a worker."""
