"""Text messages: Amazon SNS, how many parts a text takes, and the sink of development."""
