"""The pages behind links in words: what each says to its reader, and what can be done there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from api.public.page_html import Button, Choice, Choices, Look, Page, masked
from journeys.links.message_urls import MessageUrls
from journeys.model.brands import BrandTexts, brand_of, set_apart
from store.contacts.consent_listing import TopicConsent, channel_consents, topic_consents
from store.events.page_choices import MOST_TOPICS, Scope, Standing
from store.events.page_subjects import PageSubject
from store.sql import Connection


@dataclass(frozen=True, slots=True)
class Reader:
    """The reader of a page: a message's recipient, with the brand that speaks to them."""

    subject: PageSubject
    look: Look
    urls: MessageUrls

    @classmethod
    def of(
        cls, subject: PageSubject, languages: Sequence[str], host: str, urls: MessageUrls
    ) -> Reader:
        """`languages` are those of the browser, for a contact whose own is not known."""
        brand = brand_of(subject.brand)
        return cls(
            subject, Look(brand, BrandTexts(brand, [subject.locale, *languages]), host), urls
        )

    @property
    def values(self) -> dict[str, str]:
        """What the texts of the pages have in their places."""
        subject = self.subject
        return {
            "brand": self.look.name,
            "topic": subject.topic_name or subject.topic or "",
            "address": masked(subject.sent_to or subject.address),
        }

    def html(self, key: str) -> str:
        """A text of the pages as HTML."""
        return self.look.texts.html(key, **self.values)

    def words(self, *keys: str) -> str:
        """Texts of the pages as they are recorded."""
        return " ".join(self.look.texts.text(key, **self.values) for key in keys)


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a contact has chosen."""

    topics: Sequence[TopicConsent]
    channels: dict[str, str]


def _question(reader: Reader) -> str:
    return "unsubscribe_question" if reader.subject.topic else "unsubscribe_question_all"


def unsubscribe_words(reader: Reader, scope: Scope) -> str:
    """What the page to unsubscribe says, with the label of the button."""
    if scope == "channel" or reader.subject.topic is None:
        return reader.words(_question(reader), f"unsubscribe_{reader.subject.channel}_button")
    return reader.words(_question(reader), "unsubscribe_topic_button")


def undo_words(reader: Reader, standing: Standing) -> str:
    """What the page says that offers to undo it."""
    left = reader.subject.channel if standing.undo == "channel" else "topic"
    return reader.words(f"unsubscribed_{left}", "undo_button")


def unsubscribe_page(reader: Reader, standing: Standing, *, notice: str | None = None) -> Page:
    """The page to unsubscribe: a question, or what was left with the way back."""
    channel = reader.subject.channel
    stop_all = Button("channel", reader.html(f"unsubscribe_{channel}_button"), plain=True)
    link = (reader.urls.preferences, reader.html("preferences_link"))
    undo = [Button("undo", reader.html("undo_button"))] if standing.undo else []
    if standing.refuses(channel):
        return Page(
            reader.html("unsubscribed_title"),
            [reader.html(f"unsubscribed_{channel}")],
            notice=notice,
            buttons=undo,
            link=link,
        )
    if standing.topic is not None and standing.topic.state == "unsubscribed":
        return Page(
            reader.html("unsubscribed_title"),
            [reader.html("unsubscribed_topic")],
            notice=notice,
            buttons=[*undo, stop_all],
            link=link,
        )
    topic = [Button("topic", reader.html("unsubscribe_topic_button"))] if standing.topic else []
    return Page(
        reader.html("unsubscribe_title"),
        [reader.html(_question(reader))],
        notice=notice,
        buttons=[*topic, stop_all],
        link=link,
    )


def undone_page(reader: Reader, scope: Scope) -> Page:
    """The page after it was undone."""
    return Page(
        reader.html("undone_title"),
        [reader.html(f"undone_{scope}")],
        link=(reader.urls.preferences, reader.html("preferences_link")),
    )


async def read_choices(conn: Connection, reader: Reader) -> Preferences:
    """What the contact has chosen until now."""
    subject = reader.subject
    return Preferences(
        await topic_consents(conn, subject.contact_id, subject.channel, limit=MOST_TOPICS),
        await channel_consents(conn, subject.contact_id),
    )


def preferences_words(reader: Reader) -> str:
    """What the page of preferences says."""
    return reader.words("preferences_intro", "preferences_save")


def preferences_page(reader: Reader, chosen: Preferences, *, saved: bool = False) -> Page:
    """The page of topics and channels."""
    pending = any(each.state == "pending" for each in chosen.topics)
    topics = [
        Choice(
            "topic",
            each.topic,
            set_apart(each.name or each.topic),
            ticked=each.state != "unsubscribed",
            note=reader.html("preferences_pending") if each.state == "pending" else None,
        )
        for each in chosen.topics
    ]
    channels = [
        Choice(
            "channel",
            each,
            reader.html(f"preferences_{each}"),
            ticked=chosen.channels.get(each) != "unsubscribed",
        )
        for each in reader.subject.channels
    ]
    boxes = [
        *([Choices(reader.html("preferences_topics"), topics)] if topics else []),
        Choices(reader.html("preferences_channels"), channels),
    ]
    notice = "preferences_saved_pending" if pending else "preferences_saved"
    return Page(
        reader.html("preferences_title"),
        [reader.html("preferences_intro")],
        notice=reader.html(notice) if saved else None,
        choices=boxes,
        save=reader.html("preferences_save"),
        fields={
            "shown_topic": [each.value for each in topics],
            "shown_channel": [each.value for each in channels],
        },
    )


def confirmation_words(reader: Reader) -> str:
    """What the page of a confirmation says."""
    return reader.words("confirm_question", "confirm_button")


def confirmation_page(reader: Reader) -> Page:
    """The page of a confirmation; it says so if the link went to another address."""
    if not reader.subject.still_there:
        return Page(reader.html("confirm_moved_title"), [reader.html("confirm_moved_text")])
    return Page(
        reader.html("confirm_title"),
        [reader.html("confirm_question")],
        buttons=[Button("confirm", reader.html("confirm_button"))],
    )


def confirmed_page(reader: Reader, standing: Standing) -> Page:
    """The page after a confirmation."""
    refused = standing.refuses(reader.subject.channel)
    paragraphs = [reader.html("confirmed_text")]
    if refused:
        paragraphs.append(reader.html("confirmed_refused"))
    return Page(
        reader.html("confirmed_title"),
        paragraphs,
        link=(reader.urls.preferences, reader.html("preferences_link")),
    )


def message_page(reader: Reader, subject: str | None, text: str) -> Page:
    """A message of text alone."""
    title = reader.html("view_title") if subject is None else escape(subject)
    parts = [escape(part).replace("\n", "<br>") for part in re.split(r"\n{2,}", text.strip())]
    return Page(title, parts)


def gone_page(reader: Reader) -> Page:
    """The page of a message whose content is no longer kept."""
    return Page(reader.html("view_title"), [reader.html("view_gone")])
