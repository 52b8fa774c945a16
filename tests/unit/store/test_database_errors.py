"""Which errors of the database are an outage, and which belong to one transaction."""

import psycopg
import pytest
from psycopg import errors
from psycopg_pool import PoolTimeout

from store.sql import is_database_away, is_database_busy


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError("connection failed"),
        psycopg.InterfaceError("the connection is closed"),
        PoolTimeout("no connection in time"),
        errors.AdminShutdown(),
        errors.CannotConnectNow(),
        errors.TooManyConnections(),
        errors.ConnectionFailure(),
        errors.ReadOnlySqlTransaction(),
    ],
)
def test_a_lost_connection_is_an_outage(error: Exception) -> None:
    assert (is_database_away(error), is_database_busy(error)) == (True, False)


@pytest.mark.parametrize(
    "error",
    [
        errors.DeadlockDetected(),
        errors.SerializationFailure(),
        errors.QueryCanceled(),
        errors.LockNotAvailable(),
    ],
)
def test_a_conflict_or_a_timeout_is_tried_again_and_is_no_outage(error: Exception) -> None:
    assert isinstance(error, psycopg.OperationalError)
    assert (is_database_away(error), is_database_busy(error)) == (False, True)


@pytest.mark.parametrize(
    "error",
    [
        # An index row that is too large: psycopg counts it among the operational ones.
        errors.ProgramLimitExceeded(),
        errors.NumericValueOutOfRange(),
        errors.UniqueViolation(),
        psycopg.DataError("timestamp too small"),
        ValueError("of ours"),
    ],
)
def test_a_refused_statement_is_neither(error: Exception) -> None:
    assert (is_database_away(error), is_database_busy(error)) == (False, False)
