"""Events: recorded under the lock of their contact, with side effects and an outbox row."""
