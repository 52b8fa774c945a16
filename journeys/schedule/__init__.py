"""Calculation of due times: moments, opening hours, send times, cron lines, spreads."""
