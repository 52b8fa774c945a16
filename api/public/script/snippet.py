"""What a site pastes into its pages, and what a strict policy of theirs has to allow."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from typing import Final

from api.public.script.assembly import PATH

METHODS: Final = ("identify", "track", "page", "group", "reset", "consent", "ready")
"""What pages may call before the script is there: the calls wait in a list."""

STUB: Final = (
    '!function(p){"' + " ".join(METHODS) + '".split(" ").forEach(function(m){p[m]=p[m]||function(){'
    "p.push([m].concat([].slice.call(arguments)))}})}(window.parcours=window.parcours||[])"
)
"""Makes the methods before the script has loaded, in every browser that is in use."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """The lines to paste for one key."""

    url: str
    """Where the API is reached, without a slash at its end."""
    key: str

    @property
    def tag(self) -> str:
        """The element that loads the script."""
        source = escape(self.url + PATH)
        return f'<script async src="{source}" data-key="{escape(self.key)}"></script>'

    @property
    def html(self) -> str:
        """The whole: calls can be made from the next line on."""
        return f"<script>{STUB}</script>\n{self.tag}"

    @property
    def policy(self) -> str:
        """What a `Content-Security-Policy` has to allow."""
        origin = "/".join(self.url.split("/")[:3])
        digest = b64encode(sha256(STUB.encode()).digest()).decode()
        return f"script-src {origin} 'sha256-{digest}'; connect-src {origin}"
