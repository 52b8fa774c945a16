"""Entries that time begins: the next moments of dates, and the occurrences of schedules."""
