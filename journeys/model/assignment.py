"""The place of a contact among all contacts, by which splits and holdouts choose."""

from __future__ import annotations

import hashlib
from uuid import UUID


def place_of(contact_id: UUID, *names: str) -> float:
    """A contact's place in what these names stand for, in [0, 1): always the same, everywhere.

    It is the first 53 bits of the SHA-256 of the UTF-8 text `CONTACT/NAME/NAME…` as a fraction of
    2⁵³, where CONTACT is our UUID in lower case. The places of a contact under different names are
    independent. This is “hash and partition” of Kohavi, Longbotham, Sommerfield and Henne,
    “Controlled experiments on the web: survey and practical guide”, Data Mining and Knowledge
    Discovery 18 (2009), section 4.1.2.
    """
    digest = hashlib.sha256("/".join((str(contact_id), *names)).encode()).digest()
    # A float holds 53 bits exactly, so no place rounds up to 1.
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53
