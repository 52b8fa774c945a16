"""The errors of a simulation."""


class SimulationRefused(Exception):
    """The input can't be simulated; the text has one line for each problem."""


class SimulationFailed(Exception):
    """The engine did not become idle in time; the text names the runs at work."""
