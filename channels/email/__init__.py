"""E-mail: by SMTP or by Amazon SES; the message as bytes."""
