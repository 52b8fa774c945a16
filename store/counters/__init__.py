"""Figures: what was counted, kept in counters.

- `facts`: the registry of what is counted, from which all else here is made.
- `contributions`: what rows count for, as SQL.
- `triggers`: deltas, appended in the statement that writes a row.
- `folding`: deltas, moved into counters.
- `reading`: counters, with what is not folded yet.
"""
