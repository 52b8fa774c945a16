"""Route of consent: the state of a contact in a topic."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from api.contacts.contacts import ContactId
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.problems import responses, unknown
from api.http.strict_models import StrictBody
from api.services import UsedServices
from journeys.model.well_known_events import ConsentState
from store.contacts.rows import find_contact
from store.events.topic_changes import set_topic_state

router = APIRouter(
    prefix="/v1/contacts",
    tags=["contacts"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate"))],
)


class Consent(StrictBody):
    """The state of a contact in a topic."""

    state: ConsentState


@router.put(
    "/{contact}/topics/{topic}",
    summary="Record a contact's consent to a topic",
    responses=responses(404, 422),
)
async def set_consent(
    contact: ContactId,
    topic: Annotated[str, Path(min_length=1, max_length=200)],
    body: Consent,
    services: UsedServices,
) -> Consent:
    """Record the state, and the event of its change."""
    async with services.pool.connection() as conn, conn.transaction():
        contact_id = await find_contact(conn, contact)
        if contact_id is None:
            raise unknown("contact", contact)
        await set_topic_state(conn, contact_id, topic, body.state)
    services.notifier.wake()
    return body
