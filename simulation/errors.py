"""Why there is no simulation."""


class SimulationRefused(Exception):
    """What was given can't be simulated; the text is one line for each thing that is wrong."""


class SimulationFailed(Exception):
    """The engine did not come to rest; the text says which run, and what is known of it."""
