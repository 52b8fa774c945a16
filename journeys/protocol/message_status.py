"""The statuses that a message may reach after it was sent."""

from __future__ import annotations

from typing import Final, Literal, get_args

MessageStatus = Literal["delivered", "opened", "clicked", "bounced", "replied"]
"""What a journey may wait for and ask about. The table `message` holds the first time of each."""

STATUSES: Final[tuple[MessageStatus, ...]] = get_args(MessageStatus)
