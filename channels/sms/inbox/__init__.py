"""Text messages of the development stack."""
