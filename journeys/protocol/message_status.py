"""The statuses that a message may reach after it was sent."""

from __future__ import annotations

from typing import Final, Literal, get_args

MessageStatus = Literal["delivered", "opened", "clicked", "bounced", "replied"]
"""What a journey may wait for and ask about."""

STATUSES: Final[tuple[MessageStatus, ...]] = get_args(MessageStatus)

RecordedStatus = Literal[MessageStatus, "complained"]
"""What the table `message` holds the first time of. A complaint suppresses the address and ends the
consent, so no journey waits for it."""

RECORDED_STATUSES: Final[tuple[RecordedStatus, ...]] = (*STATUSES, "complained")
