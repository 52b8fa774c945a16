"""Logs: one JSON object a line in every process, readable lines on a terminal.

Our own loggers, the standard library's, uvicorn's and Temporal's end in the same handler, so
that every line has the same shape: `timestamp` (RFC 3339, UTC), `level`, `logger`, `process`,
`event`, and the ids bound with `structlog.contextvars.bind_contextvars`.
"""

import asyncio
import json
import logging
import sys
from collections.abc import Mapping
from typing import TextIO

import orjson
import psycopg
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger
from temporalio import activity, workflow
from temporalio.exceptions import ApplicationError, CancelledError

from infra.settings import LogFormat
from store.operations.logged_errors import causes_of, logged_traceback

TEMPORAL_EXTRAS = ("temporal_workflow", "temporal_activity")
LOGGED_CODES = frozenset({"database_away", "internal"})
"""Codes of failures that the activities log themselves, with what Temporal must not see."""


def configure_logging(
    format: LogFormat = "auto",  # noqa: A002 - the word of the setting
    *,
    process: str,
    level: str = "INFO",
    stream: TextIO | None = None,
) -> None:
    """Send every log of this process through one renderer.

    Args:
        format: `auto` is `console` where `stream` is a terminal and `json` elsewhere.
        process: which one this is, on every line: `api`, `worker`, `dev`…
        level: the lowest level shown, of our loggers and of libraries'.
        stream: standard error by default, so that a command's output stays its own.
    """
    stream = stream or sys.stderr
    readable = format == "console" or (format == "auto" and stream.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        _lift_temporal_ids,
        _drop_colours,
        _hide_rows,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    final: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if readable:
        final.append(
            structlog.dev.ConsoleRenderer(
                colors=stream.isatty(),
                # The richer ones print local variables, which are people's data.
                exception_formatter=structlog.dev.plain_traceback,
            )
        )
    else:
        final += [
            _ProcessName(process),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_dump),
        ]

    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )

    handler = logging.StreamHandler(stream)
    handler.addFilter(_shorten_expected_failures)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=final)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # No line says where in the code, or in which thread, it was written: not to find that out saves
    # a fifth of a line's time.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    # These speak of every request they make, which is our business and not the reader's.
    for name in ("httpx", "httpcore", "botocore", "boto3", "urllib3", "mail.log"):
        logging.getLogger(name).setLevel(logging.WARNING)

    # The ids are fields of the line here; said again in its text they would be noise.
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False


def _hide_rows(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Write the traceback of an error of PostgreSQL without its words, which name people."""
    found = event.get("exc_info")
    error = found[1] if isinstance(found, tuple) else found
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException) and any(
        isinstance(each, psycopg.Error) for each in causes_of(error)
    ):
        del event["exc_info"]
        event["exception"] = logged_traceback(error)
    return event


class _ProcessName:
    def __init__(self, process: str) -> None:
        self._process = process

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event.setdefault("process", self._process)
        return event


def _drop_colours(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Leave out uvicorn's second wording of its lines, made for its own terminal output."""
    event.pop("color_message", None)
    return event


def _lift_temporal_ids(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Make fields of what Temporal's loggers carry in one dictionary."""
    for extra in TEMPORAL_EXTRAS:
        carried = event.pop(extra, None)
        if isinstance(carried, Mapping):
            for name, value in carried.items():
                event.setdefault(name, value)
    # The SDK's own object for the line, of which JSON could only say what Python calls it.
    event.pop("temporal_log", None)
    return event


def _shorten_expected_failures(record: logging.LogRecord) -> bool:
    """Make one short line of an activity's failure that has a code of ours.

    The SDK logs every failed attempt with a traceback. A failure with a code is expected: the
    activity is tried again. For codes of `LOGGED_CODES` there is a line already. An attempt that
    Temporal gives up, because the workflow goes on elsewhere, is no failure of ours either.
    """
    if record.name != "temporalio.activity" or not record.exc_info:
        return True
    error = record.exc_info[1]
    if isinstance(error, ApplicationError):
        if error.type in LOGGED_CODES:
            return False
        record.msg = "activity_failed" if error.non_retryable else "activity_retried"
        record.code = error.type
    elif isinstance(error, asyncio.CancelledError | CancelledError):
        record.msg = "activity_cancelled"
    else:
        return True
    record.args = ()
    record.exc_info = None
    record.exc_text = None
    return True


def _dump(event: Mapping[str, object], **_options: object) -> str:
    try:
        return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:
        # Half of a surrogate pair, an integer of more than 64 bits, or a value within itself.
        return json.dumps({str(name): repr(value) for name, value in dict(event).items()})
