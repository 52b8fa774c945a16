"""Text messages by Amazon SNS."""
