"""What Amazon posts: envelopes of SNS signed under a certificate of our own, and their contents."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import orjson
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding

TOPIC = "arn:aws:sns:eu-west-1:123456789012:ses-events"
CERTIFICATE_URL = (
    "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-"
    "0123456789abcdef0123456789abcdef.pem"
)
SUBSCRIBE_URL = (
    "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"
    f"&TopicArn={TOPIC}&Token=2336412f37fb687f5d51e6e2425c464de257ea"
)


@cache
def signing_key(name: str = "sns") -> RSAPrivateKey:
    """A key; the same for the same name."""
    return generate_private_key(65537, 2048)


@cache
def certificate(
    common_name: str = "sns.amazonaws.com", key: str = "sns", *, days: int = 30
) -> bytes:
    """A certificate in PEM, valid for so many days from yesterday on."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    begins = datetime.now(UTC) - timedelta(days=100)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(signing_key(key).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(datetime.now(UTC) + timedelta(days=days))
        .sign(signing_key(key), SHA256())
    )
    return made.public_bytes(Encoding.PEM)


class Amazon:
    """The host of SNS: it serves a certificate and confirms subscriptions."""

    def __init__(self, pem: bytes | None = None) -> None:
        self.pem = pem or certificate()
        self.asked: list[str] = []

    async def fetch(self, url: str) -> bytes:
        """Answer as SNS does."""
        self.asked.append(url)
        if url.endswith(".pem"):
            return self.pem
        return b"<ConfirmSubscriptionResponse/>"


def envelope(message: str | dict[str, Any], *, key: str = "sns", **fields: Any) -> dict[str, Any]:
    """A signed envelope as SNS documents it. A field that is None is left out."""
    record: dict[str, Any] = {
        "Type": "Notification",
        "MessageId": str(uuid4()),
        "TopicArn": TOPIC,
        "Message": message if isinstance(message, str) else orjson.dumps(message).decode(),
        "Timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "SignatureVersion": "1",
        "SigningCertURL": CERTIFICATE_URL,
        "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
        **fields,
    }
    record = {name: value for name, value in record.items() if value is not None}
    # The text to sign, as Amazon's guide spells it out for the two kinds of messages.
    order = (
        ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
        if record["Type"] == "Notification"
        else ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    )
    text = "".join(f"{name}\n{record[name]}\n" for name in order if name in record)
    hashing = SHA1() if record["SignatureVersion"] == "1" else SHA256()
    signature = signing_key(key).sign(text.encode(), PKCS1v15(), hashing)
    record.setdefault("Signature", b64encode(signature).decode())
    return record


def ses_event(
    kind: str,
    provider_id: str,
    part: dict[str, Any] | None = None,
    *,
    message_id: UUID | None = None,
    at: datetime | None = None,
    name: str = "eventType",
) -> dict[str, Any]:
    """A record of SES as its guide documents it, with the tags of a configuration set."""
    tags: dict[str, list[str]] = {"ses:configuration-set": ["parcours"]}
    if message_id is not None:
        tags["parcours-message"] = [str(message_id)]
    stamp = (at or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    record: dict[str, Any] = {
        name: kind,
        "mail": {
            "timestamp": "2025-10-05T21:15:00.000Z",
            "source": "sender@example.com",
            "sendingAccountId": "123456789012",
            "messageId": provider_id,
            "destination": ["recipient@example.com"],
            "headersTruncated": False,
            "headers": [{"name": "From", "value": "sender@example.com"}],
            "commonHeaders": {"from": ["sender@example.com"], "messageId": provider_id},
            "tags": tags,
        },
    }
    names = {"Rendering Failure": "failure", "DeliveryDelay": "deliveryDelay"}
    record[names.get(kind, kind.lower())] = {"timestamp": stamp, **(part or {})}
    return record
