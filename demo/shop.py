"""The programs of the shop: they post events with Segment's own Python client."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from segment.analytics.client import Client

from demo.cast import Confirms, Contact, Deed, Does, Introduces, Looks, Reads


class Undelivered(Exception):
    """The client could not deliver a batch. The message is the client's."""


class Shop:
    """Two programs of a shop: its public site, and its backend with a key of scope `operate`.

    Args:
        host: where the API is, `http://127.0.0.1:8000`.
        ingest: the key that browsers may know.
        operate: the key that only servers know.
    """

    def __init__(self, host: str, *, ingest: str, operate: str) -> None:
        self._given_up: list[str] = []
        self._site = Client(ingest, host=host, on_error=self._give_up)
        self._backend = Client(operate, host=host, on_error=self._give_up)

    def post(self, contact: Contact, deed: Deed, mails: Sequence[Mapping[str, Any]]) -> None:
        """Post one deed; `mails` are those the contact got, oldest first."""
        visitor = f"visitor-{contact.id}"
        match deed:
            case Looks(page):
                self._site.page(anonymous_id=visitor, name=page)
            case Introduces():
                traits = {"first_name": contact.name, "timezone": "Europe/Paris"}
                if contact.email is not None:
                    traits["email"] = contact.email
                self._site.identify(contact.id, traits, anonymous_id=visitor)
            case Does(event, properties):
                self._site.track(contact.id, event, dict(properties))
            case Confirms(topic):
                self._backend.track(contact.id, "Topic Confirmed", {"topic": topic})
            case Reads(what, by):
                message = mails[-1]["headers"]["X-Parcours-Message"]
                self._backend.track(
                    contact.id, f"Message {what}", {"message_id": message, "by": by}
                )

    async def delivered(self) -> None:
        """Return once everything posted has been answered.

        Raises:
            Undelivered: the client gave something up.
        """
        await asyncio.to_thread(self._site.flush)
        await asyncio.to_thread(self._backend.flush)
        if self._given_up:
            raise Undelivered(self._given_up[0])

    def close(self) -> None:
        """End the clients' threads."""
        self._site.join()
        self._backend.join()

    def _give_up(self, error: Exception, _batch: object) -> None:
        self._given_up.append(str(error))
