"""Errors as logs show them: without what PostgreSQL says of values.

Its words name people (`Failing row contains (…)`), and a log is not erased. They are kept in the
table `fault`, which is.
"""

from __future__ import annotations

import traceback

import psycopg


def logged_error(error: BaseException) -> str:
    """An error in one line: its class and its first line, or its SQLSTATE."""
    kind = type(error).__name__
    if isinstance(error, psycopg.Error):
        return f"{kind}: {_state(error)}" if error.sqlstate else kind
    text = str(error).strip().split("\n")[0]
    return f"{kind}: {text}" if text else kind


def logged_traceback(error: BaseException) -> str:
    """An error with its traceback and those of its causes."""
    text = "".join(traceback.format_exception(error)).rstrip()
    for each in causes_of(error):
        words = str(each)
        if isinstance(each, psycopg.Error) and words and each.sqlstate:
            text = text.replace(words, _state(each))
    return text


def causes_of(error: BaseException | None) -> list[BaseException]:
    """An error, and those that led to it."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is None or each in found:
            continue
        found.append(each)
        waiting += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
    return found


def _state(error: psycopg.Error) -> str:
    return f"SQLSTATE {error.sqlstate}"
