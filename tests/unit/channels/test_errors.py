"""The texts of channel errors contain no personal data."""

import traceback

import pytest

from channels.errors import Code, NotSent, NotTaken, Refused, Unclear

ADDRESS = "ann@example.com"


@pytest.mark.parametrize(
    "error",
    [
        Refused(Code.ADDRESS_UNKNOWN, f"550 5.1.1 <{ADDRESS}>", suppress=True),
        NotTaken(Code.DEFERRED, f"450 <{ADDRESS}>", retry_after=3),
        Unclear(Code.NO_ANSWER, f"sent to {ADDRESS}"),
    ],
)
def test_the_text_of_an_error_is_its_code_alone(error: NotSent) -> None:
    assert str(error) == error.code.value
    assert error.args == (error.code.value,)
    assert ADDRESS not in "".join(traceback.format_exception(error)) + repr(error)
    assert ADDRESS in error.detail


def test_details_hold_nothing_that_the_database_refuses() -> None:
    error = Unclear(Code.INTERRUPTED, "a\0b\ud800c")
    assert error.detail == "a\ufffdb\ufffdc"
