"""Errors for the replies of SMTP servers (RFC 5321; enhanced status codes by RFC 3463)."""

from __future__ import annotations

import re
from typing import Literal

from channels.errors import Code, NotSent, NotTaken, Refused, Unclear

Stage = Literal["connect", "login", "mail", "rcpt", "data", "end"]
"""The command that was answered: `connect` before the login, `end` after the content."""

_ENHANCED = re.compile(r"5\.(?P<subject>\d{1,3})\.(?P<detail>\d{1,3})(?!\d)")

_SUPPRESSING = frozenset({(1, 1), (1, 2), (1, 3), (1, 6), (1, 10)})
"""Enhanced codes after which an address is suppressed.

No such mailbox, no such domain, an invalid address, moved, a domain that takes no mail. A disabled
mailbox (5.2.1) is not among them, because large providers use it for a mailbox that gets too much
mail at once. A 550 without an enhanced code is not either: by RFC 5321 it may mean a policy.
"""


def refusal(stage: Stage, code: int, text: str) -> NotSent:
    """The error for a reply that is not the expected one.

    A 4yz reply to the end of the content is `NotTaken` like any other 4yz: the server takes the
    message with its 250 only (RFC 5321, 4.1.1.4 and 4.5.4.1), and a 421 counts as 451 (3.8).
    """
    detail = f"the SMTP server answered {code} {text} (to {_COMMANDS[stage]})"
    if code == 421:
        return NotTaken(Code.UNAVAILABLE, detail)
    if 400 <= code < 500:
        return NotTaken(Code.CREDENTIALS if stage == "login" else Code.DEFERRED, detail)
    if 500 <= code < 600:
        return _permanent(stage, code, text, detail)
    # Not a reply of SMTP, or not one to this command: client and server are out of step.
    if stage == "end":
        return Unclear(Code.PROVIDER_FAILED, detail)
    return NotTaken(Code.UNAVAILABLE, detail)


def _permanent(stage: Stage, code: int, text: str, detail: str) -> NotSent:
    if stage == "connect":
        # The server refuses this machine, not the message.
        return NotTaken(Code.UNAVAILABLE, detail)
    if stage == "login" or code == 530:
        return NotTaken(Code.CREDENTIALS, detail)
    if stage == "mail":
        too_large = code == 552
        return Refused(Code.MESSAGE_REFUSED if too_large else Code.SENDER_REFUSED, detail)
    enhanced = _ENHANCED.match(text)
    if enhanced and (int(enhanced["subject"]), int(enhanced["detail"])) in _SUPPRESSING:
        return Refused(Code.ADDRESS_UNKNOWN, detail, suppress=True)
    if stage == "rcpt":
        return Refused(Code.ADDRESS_INVALID if code == 501 else Code.ADDRESS_REFUSED, detail)
    return Refused(Code.MESSAGE_REFUSED, detail)


_COMMANDS: dict[Stage, str] = {
    "connect": "the connection",
    "login": "the login",
    "mail": "MAIL FROM",
    "rcpt": "RCPT TO",
    "data": "DATA",
    "end": "the message",
}
