"""Postgres: tables, queries by subject, conditions as SQL, migrations."""
