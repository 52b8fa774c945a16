"""Moments, windows, quiet hours, caps and periods as documents write them."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, Tag, model_validator

from journeys.model.unions import PLAIN, discriminated_by, tag
from journeys.model.values import (
    AttributeReference,
    DocumentModel,
    EntryReference,
    LengthText,
    OffsetText,
    StepReference,
    Text,
)
from journeys.time.durations import Duration
from journeys.time.instants import read_time, to_instant

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?", re.ASCII)


def _time_of_day(text: str) -> str:
    if not _TIME.fullmatch(text):
        raise ValueError(f'`{text}` is not a time of day; write "09:00", from "00:00" to "23:59"')
    time.fromisoformat(text)
    return text


def _date(text: str) -> str:
    try:
        if not _DATE.fullmatch(text):
            raise ValueError
        date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`{text}` is not a date; write 2026-12-31") from None
    return text


def _date_time(text: str) -> str:
    if read_time(text) is None:
        raise ValueError(
            f"`{text}` is not a date or date-time; write 2026-12-31 or 2026-12-31T09:00"
        )
    return text


def is_time_of_day(text: str) -> bool:
    """Whether the text of a moment is a time of day."""
    return _TIME.fullmatch(text) is not None


def _moment(text: str) -> str:
    if text == "entry" or is_time_of_day(text):
        return text
    try:
        if text[:1] in ("+", "-"):
            Duration.parse(text, signed=True)
        else:
            _date_time(text)
    except ValueError:
        raise ValueError(
            f'`{text}` is not a moment; write "09:00", 2026-12-31, 2026-12-31T09:00, +3d, -30d, '
            "entry or {entry: PATH}"
        ) from None
    return text


def _condition_moment(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if read_time(value) is None:
            raise ValueError(f"{value} is no moment: as seconds it is outside the years 1 to 9999")
        return value
    if value is None or isinstance(value, bool):
        raise ValueError("a moment is missing; write 2026-12-31, +3d, -30d, now or today")
    if not isinstance(value, str) or value in ("now", "today"):
        return value
    try:
        return _moment(value)
    except ValueError:
        raise ValueError(
            f'`{value}` is not a moment; write 2026-12-31, 2026-12-31T09:00, "09:00", +3d, -30d, '
            "now, today, entry or {attribute: PATH}"
        ) from None


def _days(text: str) -> str:
    for part in re.split(r"\s*,\s*", text.strip()):
        first, dash, last = part.partition("-")
        if first not in WEEKDAYS or (dash and last not in WEEKDAYS):
            raise ValueError(f"`{text}` are not days of the week; write mon, mon-fri or [mon, sat]")
    return text


TimeOfDay = Annotated[Text, AfterValidator(_time_of_day)]
"""`"09:00"`, local time."""
DateText = Annotated[Text, AfterValidator(_date)]
"""`2026-12-31`."""
DateTimeText = Annotated[Text, AfterValidator(_date_time)]
"""`2026-12-31` or `2026-12-31T09:00`: local time unless it has an offset."""
MomentText = Annotated[Text, AfterValidator(_moment)]
"""A moment as text: a time of day, a date, `+3d`, `entry`."""
DaysText = Annotated[Text, AfterValidator(_days)]
Days = Annotated[
    Annotated[DaysText, Tag(PLAIN)]
    | Annotated[list[DaysText], Field(min_length=1), Tag("<a list>")],
    discriminated_by("days", plain=True, listed=True),
]
"""`mon-fri`, or a list of such texts."""


def weekdays(days: Days) -> frozenset[int]:
    """The days of the week that `days` names, where Monday is 0; `fri-mon` is Friday to Monday."""
    found: set[int] = set()
    for part in re.split(r"\s*,\s*", days.strip() if isinstance(days, str) else ",".join(days)):
        first, _, last = part.strip().partition("-")
        begin = WEEKDAYS.index(first)
        length = (WEEKDAYS.index(last or first) - begin) % 7
        found |= {(begin + place) % 7 for place in range(length + 1)}
    return frozenset(found)


class Shift(DocumentModel):
    """How a moment follows from a date: the next anniversary, then the offset, then the time."""

    every: Literal["year"] | None = None
    offset: OffsetText | None = None
    at: TimeOfDay | None = None


class EntryMoment(EntryReference, Shift):
    """`{entry: starts_at, offset: -1d}`."""


class AttributeMoment(AttributeReference, Shift):
    """`{attribute: birthday, every: year, at: "09:00"}`."""


class StepMoment(StepReference, Shift):
    """`{step: ID, property: PATH, offset: 1h}`."""


MomentReference = EntryMoment | AttributeMoment | StepMoment

Moment = Annotated[
    Annotated[EntryMoment, Tag(tag("entry"))]
    | Annotated[AttributeMoment, Tag(tag("attribute"))]
    | Annotated[StepMoment, Tag(tag("step"))]
    | Annotated[MomentText, Tag(PLAIN)],
    discriminated_by("a moment", "entry", "attribute", "step", plain=True),
]
"""A point in time, or a reference to one."""

ConditionMomentText = Annotated[str | int | float, BeforeValidator(_condition_moment)]
"""A moment as text, `now` and `today` included, or a number: seconds or milliseconds since 1970."""

ConditionMoment = Annotated[
    Annotated[EntryMoment, Tag(tag("entry"))]
    | Annotated[AttributeMoment, Tag(tag("attribute"))]
    | Annotated[StepMoment, Tag(tag("step"))]
    | Annotated[ConditionMomentText, Tag(PLAIN)],
    discriminated_by("a moment", "entry", "attribute", "step", plain=True),
]
"""A point in time with which a condition compares; `now` and `+3d` are those of its judging."""


def is_relative(moment: object) -> bool:
    """Whether a moment of a condition moves with time by itself."""
    if isinstance(moment, EntryMoment | AttributeMoment | StepMoment):
        return moment.every is not None
    return isinstance(moment, str) and (
        moment in ("now", "today") or moment[:1] in ("+", "-") or is_time_of_day(moment)
    )


def is_duration(limit: object) -> bool:
    """Whether an `up_to` is a duration and not a moment."""
    if not isinstance(limit, str):
        return False
    try:
        Duration.parse(limit)
    except ValueError:
        return False
    return True


def _limit(text: str) -> str:
    if is_duration(text):
        return text
    try:
        return _moment(text)
    except ValueError:
        raise ValueError(
            f"`{text}` is neither a duration nor a moment; write 30m, 2h, 3d, 1w or 2026-12-31"
        ) from None


LimitText = Annotated[Text, AfterValidator(_limit)]

Limit = Annotated[
    Annotated[EntryMoment, Tag(tag("entry"))]
    | Annotated[AttributeMoment, Tag(tag("attribute"))]
    | Annotated[StepMoment, Tag(tag("step"))]
    | Annotated[LimitText, Tag(PLAIN)],
    discriminated_by("`up_to`", "entry", "attribute", "step", plain=True),
]
"""`up_to` of a wait: a duration from the start of the wait, or a moment."""


MOST_DATES: Final = 1_000
"""How many dates `except` may have."""


def same_time(one: str, other: str) -> bool:
    """Whether two times of day are the same, with or without seconds."""
    return time.fromisoformat(one) == time.fromisoformat(other)


class Window(DocumentModel):
    """When a send may go out, in the contact's local time; `to` is exclusive.

    A `to` before `from` is on the next day. `days` are the days on which the window begins.
    """

    days: Days | None = None
    from_: TimeOfDay | None = Field(default=None, alias="from")
    to: TimeOfDay | None = None
    except_: Annotated[list[DateText], Field(max_length=MOST_DATES)] | None = Field(
        default=None, alias="except"
    )
    else_: Literal["wait", "skip"] = Field(default="wait", alias="else")

    @model_validator(mode="after")
    def _opens(self) -> Self:
        if self.days is None and self.from_ is None and self.to is None and not self.except_:
            raise ValueError("a window needs `days`, `from`, `to` or `except`")
        if self.from_ is not None and self.to is not None and same_time(self.from_, self.to):
            raise ValueError(
                f"the window begins and ends at {self.from_}, so it never opens; "
                "leave both out for the whole day"
            )
        return self


class QuietHours(DocumentModel):
    """When no send goes out, in local time; a `to` before `from` is on the next day."""

    from_: TimeOfDay = Field(alias="from")
    to: TimeOfDay

    @model_validator(mode="after")
    def _end(self) -> Self:
        if same_time(self.from_, self.to):
            raise ValueError(
                f"the quiet hours begin and end at {self.from_}; "
                'write for example {from: "21:00", to: "08:00"}'
            )
        return self


class Cap(DocumentModel):
    """At most `max` messages to a contact within a duration."""

    max: Annotated[int, Field(strict=True, ge=1, le=10_000)]
    per: LengthText
    count: Literal["channel", "all"] = "channel"
    """`all`: messages of class `marketing` on all channels; it holds up no others."""


def _is_date(text: str) -> bool:
    return _DATE.fullmatch(text) is not None


def _instant(text: str, zone: ZoneInfo, *, days: int = 0) -> datetime | None:
    """The instant that many days after a date or date-time; None if it is after the year 9999."""
    parsed = read_time(text)
    try:
        return None if parsed is None else to_instant(parsed + timedelta(days=days), zone)
    except OverflowError:
        return None


class ActivePeriod(DocumentModel):
    """When entries are taken: from `from` on, and before `to`; a date as `to` is included.

    Times are local in the journey's time zone unless they have an offset.
    """

    from_: DateTimeText | None = Field(default=None, alias="from")
    to: DateTimeText | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.from_ is None and self.to is None:
            raise ValueError("`active` needs `from`, `to` or both")
        return self

    def bounds(self, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
        """The first instant of the period and the first one after it; None for an open end."""
        begin = None if self.from_ is None else _instant(self.from_, zone)
        # A date as `to` means the midnight at its end: "to the 31st" includes the 31st.
        end = None if self.to is None else _instant(self.to, zone, days=_is_date(self.to))
        return begin, end

    def holds(self, at: datetime, zone: ZoneInfo) -> bool:
        """Whether an instant is in the period."""
        begin, end = self.bounds(zone)
        return (begin is None or at >= begin) and (end is None or at < end)
