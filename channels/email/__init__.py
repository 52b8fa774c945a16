"""E-mail: the message as bytes, and two ways to send it: SMTP and Amazon SES."""
