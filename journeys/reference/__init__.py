"""Reference pages and the JSON Schema, made from the models."""
