"""Headers of the console's pages: what they may load and run, and who may show them in a frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PAGE_HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Robots-Tag": "noindex, nofollow",
}


def page_policy(nonce: str | None) -> str:
    """The Content-Security-Policy of a page; without a nonce, of one that loads nothing."""
    if nonce is None:
        return "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    own = f"'self' 'nonce-{nonce}'"
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {own}",
            f"style-src {own}",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            "connect-src 'self'",
            "frame-src 'self' blob:",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )


def preview_policy(*, images: bool) -> str:
    """The policy of a message in a frame of the console: no scripts, and an origin of its own.

    Its styles stand in it. Without `images` nothing is fetched; with them, pictures from anywhere.
    """
    return "; ".join(
        [
            "sandbox",
            "default-src 'none'",
            f"img-src data:{' https: http:' if images else ''}",
            f"style-src 'unsafe-inline'{' https:' if images else ''}",
            f"font-src data:{' https:' if images else ''}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'self'",
        ]
    )
