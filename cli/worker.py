"""`parcours worker`: the same process as `python worker.py`."""

from cli.settings import settings_or_refuse


def run() -> None:
    """Run journeys against the servers that the environment names."""
    settings_or_refuse()
    from worker import main

    main()
