"""What comes back: notifications of providers, mail to our addresses, answers to text messages."""
