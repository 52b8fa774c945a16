"""The language: documents parsed, validated and compiled into programs."""
