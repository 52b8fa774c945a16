"""Text messages by AWS End User Messaging."""
