"""The log of a process of tests, whose parts are not configured as an entry point does it."""

from __future__ import annotations

import sys

import structlog


class _Output:
    """Writes lines to what standard output is at the moment."""

    def msg(self, line: str) -> None:
        output = sys.stdout
        try:
            output.write(f"{line}\n")
            output.flush()
        except (OSError, ValueError):
            # The test that captured it has ended meanwhile.
            pass

    debug = info = warning = warn = error = exception = critical = fatal = msg


def log_plainly() -> None:
    """Write the lines of this process to standard output, with short tracebacks.

    By itself structlog prints. If a capture of standard output ends while another thread prints,
    the process ends, too: `print` does not keep the file that it writes to (CPython issue 130163).
    And it shows the local variables of each frame of a traceback, which takes a tenth of a second.
    """
    structlog.reset_defaults()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.StackInfoRenderer(),
            structlog.dev.set_exc_info,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        logger_factory=lambda *_names: _Output(),
    )
