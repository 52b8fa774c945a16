"""Events: recorded under the lock of their contact, with their side effects and their outbox row."""
