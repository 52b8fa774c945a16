"""Envelopes of SNS: read, and believed only if Amazon signed them, for an expected topic, now."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from channels.notifications import Unreadable
from channels.sns_envelope import parse_envelope, unwrap
from channels.sns_signature import CertificateAway, Forged, SnsVerifier
from tests.support.amazon import (
    SUBSCRIBE_URL,
    TOPIC,
    Amazon,
    certificate,
    envelope,
)


async def verify(
    record: dict[str, Any], amazon: Amazon | None = None, *, now: datetime | None = None
) -> None:
    verifier = SnsVerifier([TOPIC], (amazon or Amazon()).fetch)
    await verifier.verify(parse_envelope(orjson.dumps(record)), now=now or datetime.now(UTC))


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [None, "Amazon SES Email Event Notification"])
async def test_what_amazon_signed_is_believed(version: str, subject: str | None) -> None:
    await verify(envelope("{}", SignatureVersion=version, Subject=subject))
    handshake = {"Type": "SubscriptionConfirmation", "Token": "t", "SubscribeURL": SUBSCRIBE_URL}
    await verify(envelope("Confirm", SignatureVersion=version, **handshake))


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(
    "field", ["Message", "MessageId", "Timestamp", "Subject", "Type", "Signature"]
)
async def test_a_changed_field_is_refused(version: str, field: str) -> None:
    record = envelope("{}", SignatureVersion=version, Subject="s")
    stamp = (datetime.now(UTC) - timedelta(minutes=3)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    changed = {"Timestamp": stamp, "Type": "UnsubscribeConfirmation", "Signature": "AAAA"}
    record |= {"Token": "t", "SubscribeURL": SUBSCRIBE_URL}
    record[field] = changed.get(field, "{ }" if field == "Message" else "other")
    with pytest.raises(Forged):
        await verify(record)


@pytest.mark.parametrize(
    "url",
    [
        "https://sns.eu-west-1.amazonaws.com.example.com/SimpleNotificationService-{}.pem",
        "https://example.com/SimpleNotificationService-{}.pem",
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-{}.pem",
        "https://sns.eu-west-1.amazonaws.com:444/SimpleNotificationService-{}.pem",
        "https://sns.eu-west-1.amazonaws.com@example.com/SimpleNotificationService-{}.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-{}.pem",
        "https://bucket.s3.eu-west-1.amazonaws.com/SimpleNotificationService-{}.pem",
        "https://sns.eu-west-1.amazonaws.com/other/SimpleNotificationService-{}.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-{}.pem?x=1",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-{}.pem\n",
    ],
)
async def test_a_certificate_of_another_address_is_not_even_fetched(url: str) -> None:
    amazon = Amazon()
    with pytest.raises(Forged):
        await verify(envelope("{}", SigningCertURL=url.format("0" * 32)), amazon)
    assert amazon.asked == []


async def test_another_signer_another_topic_and_another_version_are_refused() -> None:
    with pytest.raises(Forged):
        await verify(envelope("{}", key="thief"))
    amazon = Amazon()
    for field in ({"TopicArn": f"{TOPIC}-of-another"}, {"SignatureVersion": "3"}):
        with pytest.raises(Forged):
            await verify(envelope("{}", **field), amazon)
    assert amazon.asked == []
    with pytest.raises(Forged):
        await verify(envelope("{}"), Amazon(certificate("example.com")))
    with pytest.raises(Forged):
        await verify(envelope("{}"), Amazon(certificate(days=-1)))
    with pytest.raises(Forged):
        await verify(envelope("{}"), Amazon(b"no certificate"))


async def test_a_replay_is_refused_after_an_hour() -> None:
    record = envelope("{}")
    now = datetime.now(UTC)
    await verify(record, now=now + timedelta(minutes=59))
    for late in (timedelta(minutes=61), -timedelta(minutes=6)):
        with pytest.raises(Forged):
            await verify(record, now=now + late)


async def test_a_certificate_is_fetched_once_and_made_up_ones_are_bounded() -> None:
    amazon = Amazon()
    verifier = SnsVerifier([TOPIC], amazon.fetch)
    now = datetime.now(UTC)
    for _ in range(3):
        await verifier.verify(parse_envelope(orjson.dumps(envelope("{}"))), now=now)
    assert len(amazon.asked) == 1
    for n in range(1, 30):
        url = f"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-{n:032x}.pem"
        record = envelope("{}", SigningCertURL=url)
        try:
            await verifier.verify(parse_envelope(orjson.dumps(record)), now=now)
        except CertificateAway:
            break
    assert len(amazon.asked) == 10
    await verifier.verify(parse_envelope(orjson.dumps(envelope("{}"))), now=now)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/?Action=ConfirmSubscription&Token=t",
        "https://sns.eu-west-1.amazonaws.com/?Action=DeleteTopic&Token=t",
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=t",
        "http://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t",
        "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t\r\nx",
    ],
)
async def test_a_subscription_is_confirmed_at_amazon_alone(url: str) -> None:
    amazon = Amazon()
    verifier = SnsVerifier([TOPIC], amazon.fetch)
    handshake = {"Type": "SubscriptionConfirmation", "Token": "t"}

    def parsed(address: str) -> Any:
        record = envelope("Confirm", SubscribeURL=address, **handshake)
        return parse_envelope(orjson.dumps(record))

    await verifier.confirm(parsed(SUBSCRIBE_URL))
    assert amazon.asked == [SUBSCRIBE_URL]
    with pytest.raises(Forged):
        await verifier.confirm(parsed(url))
    assert amazon.asked == [SUBSCRIBE_URL]


@pytest.mark.parametrize(
    "field",
    [
        "Type", "MessageId", "TopicArn", "Message", "Timestamp", "SignatureVersion", "Signature",
        "SigningCertURL",
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", [None, 7, "", ["x"]])
def test_an_envelope_that_lacks_something_is_unreadable(field: str, value: Any) -> None:
    record = envelope("{}")
    record[field] = value
    if value == "" and field in ("Message", "SignatureVersion", "Signature", "SigningCertURL"):
        parse_envelope(orjson.dumps(record))
        return
    with pytest.raises(Unreadable):
        parse_envelope(orjson.dumps(record))


def test_a_queue_brings_notifications_with_an_envelope_or_without() -> None:
    assert unwrap(orjson.dumps({"eventType": "Send"})) == {"eventType": "Send"}
    assert unwrap(orjson.dumps(envelope({"eventType": "Send"}))) == {"eventType": "Send"}
    for body in ("nonsense", "[]", orjson.dumps(envelope("nonsense"))):
        with pytest.raises(Unreadable):
            unwrap(body)
