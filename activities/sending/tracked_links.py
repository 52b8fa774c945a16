"""Links of a composed message: followed, unless its settings or its contact refuse that."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Final

from activities.context import Context
from activities.sending.claim import Claimed
from channels.adapter import Email, Outgoing, Sms
from journeys.links.message_urls import MessageUrls
from journeys.links.rewriting import (
    links_left_alone,
    rewrite_html,
    rewrite_sms,
    rewrite_text,
)
from journeys.model.tracking import Track, Utm, nearest, strictest
from store.events.link_hits import UNTRACKED

_LARGE: Final = 100_000
"""Characters of HTML beyond which links are followed in a thread."""


@dataclass(frozen=True, slots=True)
class Followed:
    """A message whose links are followed."""

    outgoing: Outgoing
    short_links: dict[str, str] = field(default_factory=dict)
    """The targets of its short links by their codes, to be kept before it goes out."""


async def follow_links(claimed: Claimed, context: Context, outgoing: Outgoing) -> Followed:
    """The message with the links and the image by which clicks and opens are seen."""
    if isinstance(outgoing, Email) and len(outgoing.html or "") > _LARGE:
        return await asyncio.to_thread(_follow, claimed, context, outgoing)
    return _follow(claimed, context, outgoing)


def _follow(claimed: Claimed, context: Context, outgoing: Outgoing) -> Followed:
    if context.links is None or not isinstance(outgoing, Email | Sms):
        return Followed(outgoing)
    track, utm = _settings(claimed)
    tracked = context.links.tracking and claimed.contact.attributes.get(UNTRACKED) is not False
    clicks, opens = tracked and track.clicks is True, tracked and track.opens is True
    urls = context.links.of(claimed.message_id)
    if isinstance(outgoing, Sms):
        text, targets = rewrite_sms(outgoing.text, urls, clicks=clicks, utm=utm)
        kept = {code: target.text for code, target in targets.items()}
        return Followed(replace(outgoing, text=text), kept)
    return Followed(_email(outgoing, urls, clicks=clicks, opens=opens, utm=utm))


def _email(email: Email, urls: MessageUrls, *, clicks: bool, opens: bool, utm: Utm) -> Email:
    html, text = email.html, email.text
    if text is not None:
        alone = links_left_alone(html) if html is not None else ()
        text = rewrite_text(text, urls, clicks=clicks, utm=utm, left_alone=alone)
    if html is not None:
        html = rewrite_html(html, urls, clicks=clicks, opens=opens, utm=utm)
    return replace(email, html=html, text=text)


def _settings(claimed: Claimed) -> tuple[Track, Utm]:
    """What is tracked, and the campaign parameters: of the send and what stands above it."""
    settings, topic, content = claimed.settings, claimed.contact.topic_links, claimed.content
    tracks, utms = [settings.track], [settings.utm]
    for track, utm in (
        (content.track, content.utm) if content is not None else (None, None),
        (topic.get("track"), topic.get("utm")),
    ):
        if track is not None:
            tracks.append(Track(**track))
        if utm is not None:
            utms.append(Utm(**utm))
    return strictest(*tracks), nearest(*utms)
