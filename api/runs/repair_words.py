"""What a repair of many would do, in words, before it is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from store.tables.repairs import RepairAction

_EFFECTS: Final[Mapping[RepairAction, str]] = {
    "retry": "{sends}{at} {of} {are} tried at once, or sent again where the step has ended."
    " Consent, suppression and caps are asked again.",
    "skip": "{runs} {of} {skip} the step{at_step} and {go} on with the next one.",
    "goto": "{runs} {of} {go}{from_step} to `{target}`.",
    "exit": "{runs} {of}{at} {end} as removed by an operator. This cannot be taken back.",
    "cancel": "{runs} {of}{at} {end} as cancelled. This cannot be taken back.",
}
_GONE_ON: Final = (
    " A run that has gone on by then is left alone; one that is at work is repaired once it"
    " stands still."
)


def effect_words(
    action: RepairAction,
    count: int,
    *,
    more: bool,
    journey: str | None,
    step: str | None,
    target: str | None,
    rate: float,
    unknown: int,
    may_arrive_twice: bool,
    approval_above: int | None,
) -> str:
    """What the repair does to so many runs (`more`: to more than that), in sentences."""
    one = count == 1 and not more
    number = f"More than {count:,}" if more else f"{count:,}"
    words = _EFFECTS[action].format(
        sends=f"{number} send{'' if one else 's'}",
        runs=f"{number} run{'' if one else 's'}",
        of=f"of `{journey}`" if journey else "of those that were named",
        at=f" at `{step}`" if step else "",
        at_step=f" `{step}`" if step else " at which they stand",
        from_step=f" from `{step}`" if step else "",
        target=target,
        are="is" if one else "are",
        skip="skips" if one else "skip",
        go="goes" if one else "go",
        end="ends" if one else "end",
    )
    if action in ("skip", "goto"):
        words += _GONE_ON
    if count > rate:
        words += f" At {rate:g} per second it takes about {_lasting(count / rate)}."
    if unknown and may_arrive_twice:
        words += f" {unknown:,} of the messages may have arrived, and may arrive twice."
    elif unknown:
        words += (
            f" {unknown:,} more may have arrived and are left out: with `may_arrive_twice` they"
            " are sent again, and may arrive twice."
        )
    if approval_above is not None and count > approval_above:
        words += f" Another key must approve it, because it is about more than {approval_above:,}."
    return words


def _lasting(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    if seconds < 5_400:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3_600:.1f} hours"
