"""Text messages: by Amazon SNS, or kept by the development stack; the parts of a text."""
