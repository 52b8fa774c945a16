"""When things are due: moments, opening hours, send times, cron lines, spreads."""
