"""Logs: one shape for our loggers and for libraries'."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import structlog
from temporalio.client import Client
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.runtime import LogForwardingConfig, LoggingConfig, Runtime, TelemetryConfig

from infra.logging import configure_logging
from tests.support.conditions import eventually
from tests.support.logs import log_plainly


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    structlog.contextvars.clear_contextvars()
    log_plainly()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_its_ids(stream: io.StringIO) -> None:
    configure_logging("json", process="worker", stream=stream)
    structlog.contextvars.bind_contextvars(run_id="r-1", journey="welcome")
    structlog.get_logger("activities.sending").info("message_sent", message_id="m-1")
    (line,) = lines(stream)
    stamp = datetime.fromisoformat(str(line.pop("timestamp")))
    assert stamp.utcoffset() == timedelta(0)
    assert line == {
        "event": "message_sent",
        "level": "info",
        "logger": "activities.sending",
        "process": "worker",
        "run_id": "r-1",
        "journey": "welcome",
        "message_id": "m-1",
    }


@pytest.mark.parametrize("name", ["uvicorn.error", "temporalio.worker", "alembic.runtime"])
def test_libraries_write_the_same_shape(stream: io.StringIO, name: str) -> None:
    configure_logging("json", process="api", stream=stream)
    logging.getLogger(name).warning("took %d s", 3)
    (line,) = lines(stream)
    assert line["event"] == "took 3 s"
    assert line["logger"] == name
    assert (line["level"], line["process"]) == ("warning", "api")


def test_what_temporal_knows_becomes_fields(stream: io.StringIO) -> None:
    configure_logging("json", process="worker", stream=stream)
    logging.getLogger("temporalio.activity").info(
        "tried", extra={"temporal_activity": {"workflow_id": "journey.welcome.1", "attempt": 2}}
    )
    (line,) = lines(stream)
    assert line["workflow_id"] == "journey.welcome.1"
    assert line["attempt"] == 2
    assert "temporal_activity" not in line


def test_an_exception_stays_on_its_line(stream: io.StringIO) -> None:
    configure_logging("json", process="worker", stream=stream)
    try:
        raise ValueError("wrong")
    except ValueError:
        structlog.get_logger("x").exception("step_failed")
    (line,) = lines(stream)
    assert line["level"] == "error"
    assert "ValueError: wrong" in str(line["exception"])


def test_auto_is_json_without_a_terminal(stream: io.StringIO) -> None:
    configure_logging("auto", process="api", stream=stream)
    structlog.get_logger("x").info("started")
    assert lines(stream)[0]["event"] == "started"


def test_console_is_for_people(stream: io.StringIO) -> None:
    configure_logging("console", process="api", stream=stream)
    structlog.get_logger("x").info("started", port=8000)
    text = stream.getvalue()
    assert "started" in text
    assert "port=8000" in text
    assert not text.startswith("{")


def test_details_below_the_level_are_not_written(stream: io.StringIO) -> None:
    configure_logging("json", process="api", stream=stream)
    structlog.get_logger("x").debug("looked")
    logging.getLogger("httpx").info("HTTP Request")
    assert stream.getvalue() == ""


def fail(error: BaseException) -> None:
    """Log the failure of an attempt as the SDK does."""
    try:
        raise error
    except BaseException:
        logging.getLogger("temporalio.activity").warning(
            "Completing activity as failed", exc_info=True
        )


def test_an_expected_failure_is_one_line_without_a_traceback(stream: io.StringIO) -> None:
    configure_logging("json", process="worker", stream=stream)
    fail(ApplicationError("not_taken", type="not_taken"))
    fail(ApplicationError("database_away", type="database_away"))
    fail(ValueError("a mistake of ours"))
    expected, mistake = lines(stream)
    assert (expected["event"], expected["code"]) == ("activity_retried", "not_taken")
    assert "exception" not in expected
    assert "a mistake of ours" in str(mistake["exception"])


@pytest.mark.parametrize("kind", [asyncio.CancelledError, CancelledError])
def test_an_attempt_that_was_given_up_is_one_line_without_a_traceback(
    kind: type[BaseException], stream: io.StringIO
) -> None:
    configure_logging("json", process="worker", stream=stream)
    fail(kind("Activity cancelled"))
    [line] = lines(stream)
    assert line["event"] == "activity_cancelled"
    assert "exception" not in line


async def test_lines_of_the_sdk_have_our_form(stream: io.StringIO) -> None:
    configure_logging("json", process="worker", stream=stream)
    runtime = Runtime(
        telemetry=TelemetryConfig(
            logging=LoggingConfig(
                filter="TRACE", forwarding=LogForwardingConfig(logging.getLogger("temporalio.core"))
            )
        )
    )
    logging.getLogger("temporalio.core").setLevel(logging.DEBUG)
    logging.getLogger().setLevel(logging.DEBUG)
    with pytest.raises(RuntimeError):
        await Client.connect("127.0.0.1:1", runtime=runtime)
    await eventually(lambda: stream.getvalue() != "", 10, what="a line of the SDK")
    assert all(str(line["logger"]).startswith("temporalio.core") for line in lines(stream))
    assert "object at 0x" not in stream.getvalue()
