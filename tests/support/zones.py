"""Time zones by what their clocks show now: a window is open or closed whenever a test runs."""

from datetime import UTC, datetime


def zone_at(hour: int) -> str:
    """A zone in which it is past an hour of the day (0 to 23), and not yet the next one."""
    ahead = (hour - datetime.now(UTC).hour + 11) % 24 - 11
    # POSIX counts westwards.
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"
