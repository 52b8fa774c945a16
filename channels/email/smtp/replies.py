"""What an SMTP server's refusals mean (RFC 5321 for replies, RFC 3463 for their enhanced codes)."""

from __future__ import annotations

import re
from typing import Literal

from channels.errors import Code, NotSent, NotTaken, Refused, Unclear

Stage = Literal["connect", "login", "mail", "rcpt", "data", "end"]
"""What the reply answered; `connect` is all before the login, `end` the dot after the content."""

_ENHANCED = re.compile(r"5\.(?P<subject>\d{1,3})\.(?P<detail>\d{1,3})(?!\d)")

_NEVER_AGAIN = frozenset({(1, 1), (1, 2), (1, 3), (1, 6), (1, 10)})
"""No such mailbox, no such domain, no address at all, moved away, a domain that takes no mail.

A disabled mailbox (5.2.1) is not among them: large providers also answer it to a mailbox that gets
too much mail at once. Nor is a bare 550, which by RFC 5321 may be a matter of policy.
"""


def refusal(stage: Stage, code: int, text: str) -> NotSent:
    """The error for a reply that is not the one hoped for.

    A 4yz reply to the end of the content is as good as any other: until the server says 250, the
    message is still ours (RFC 5321, 4.1.1.4 and 4.5.4.1), and a 421 counts as 451 (3.8).
    """
    detail = f"the SMTP server answered {code} {text} (to {_ASKED[stage]})"
    if code == 421:
        return NotTaken(Code.UNAVAILABLE, detail)
    if 400 <= code < 500:
        return NotTaken(Code.CREDENTIALS if stage == "login" else Code.DEFERRED, detail)
    if 500 <= code < 600:
        return _permanent(stage, code, text, detail)
    # No reply of SMTP, or one that makes no sense here: the two ends have lost step.
    if stage == "end":
        return Unclear(Code.PROVIDER_FAILED, detail)
    return NotTaken(Code.UNAVAILABLE, detail)


def _permanent(stage: Stage, code: int, text: str, detail: str) -> NotSent:
    if stage == "connect":
        # It is this machine that is refused, and not any one message.
        return NotTaken(Code.UNAVAILABLE, detail)
    if stage == "login" or code == 530:
        return NotTaken(Code.CREDENTIALS, detail)
    if stage == "mail":
        too_large = code == 552
        return Refused(Code.MESSAGE_REFUSED if too_large else Code.SENDER_REFUSED, detail)
    enhanced = _ENHANCED.match(text)
    if enhanced and (int(enhanced["subject"]), int(enhanced["detail"])) in _NEVER_AGAIN:
        return Refused(Code.ADDRESS_UNKNOWN, detail, suppress=True)
    if stage == "rcpt":
        return Refused(Code.ADDRESS_INVALID if code == 501 else Code.ADDRESS_REFUSED, detail)
    return Refused(Code.MESSAGE_REFUSED, detail)


_ASKED: dict[Stage, str] = {
    "connect": "the connection",
    "login": "the login",
    "mail": "MAIL FROM",
    "rcpt": "RCPT TO",
    "data": "DATA",
    "end": "the message",
}
