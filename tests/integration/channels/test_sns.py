"""SMS by SNS: what SNS is asked, and what its answers mean."""

from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import parse_qs

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends

from channels.errors import Code, NotSent, NotTaken, Refused, Unclear
from channels.sms.sns.send import SnsAdapter
from tests.integration.channels.providers import REGION, SnsProvider, an_sms


@pytest.fixture
async def adapter(sns: SnsProvider) -> AsyncIterator[SnsAdapter]:
    adapter = SnsAdapter(region=REGION, endpoint_url=sns.server.url, origination="SHOP")
    yield adapter
    await adapter.close()


async def test_sns_gets_number_and_text_and_the_parts_are_counted(
    adapter: SnsAdapter, sns: SnsProvider
) -> None:
    sms = replace(an_sms(), to="+33 6 12 34 56 78", text="Prêt 🎉")
    receipt = await adapter.send(sms)
    messages = sns_backends[DEFAULT_ACCOUNT_ID][REGION].sms_messages
    assert messages == {receipt.provider_id: ("+33612345678", "Prêt 🎉")}
    assert receipt.facts == {"encoding": "UCS-2", "characters": 7, "parts": 1}
    asked = parse_qs(sns.server.requests[0].body.decode())
    assert asked["MessageAttributes.entry.1.Name"] == ["AWS.SNS.SMS.SenderID"]
    assert asked["MessageAttributes.entry.1.Value.StringValue"] == ["SHOP"]
    assert asked["MessageAttributes.entry.2.Name"] == ["AWS.SNS.SMS.SMSType"]
    assert asked["MessageAttributes.entry.2.Value.StringValue"] == ["Promotional"]


async def test_sns_gets_price_type_and_the_registrations_of_india(sns: SnsProvider) -> None:
    adapter = SnsAdapter(
        region=REGION,
        endpoint_url=sns.server.url,
        origination="+15550100000",
        max_price="0.25",
        country_parameters={"IN_ENTITY_ID": "1101", "IN_TEMPLATE_ID": "1107"},
    )
    await adapter.send(replace(an_sms(), transactional=True))
    await adapter.send(replace(an_sms(), to="+919812345678"))
    await adapter.close()
    sent = [parse_qs(request.body.decode()) for request in sns.server.requests]
    attributes = [
        {
            asked[f"MessageAttributes.entry.{place}.Name"][0]: asked[
                f"MessageAttributes.entry.{place}.Value.StringValue"
            ][0]
            for place in range(1, 6)
            if f"MessageAttributes.entry.{place}.Name" in asked
        }
        for asked in sent
    ]
    everywhere = {
        "AWS.MM.SMS.OriginationNumber": "+15550100000",
        "AWS.SNS.SMS.MaxPrice": "0.25",
    }
    assert attributes == [
        {**everywhere, "AWS.SNS.SMS.SMSType": "Transactional"},
        {
            **everywhere,
            "AWS.SNS.SMS.SMSType": "Promotional",
            "AWS.MM.SMS.EntityId": "1101",
            "AWS.MM.SMS.TemplateId": "1107",
        },
    ]


async def test_who_opted_out_is_never_written_to_again(
    adapter: SnsAdapter, sns: SnsProvider
) -> None:
    sns.fail(400, "OptedOut", "The phone number +33612345678 has opted out")
    with pytest.raises(Refused) as refused:
        await adapter.send(an_sms())
    assert refused.value.code == Code.OPTED_OUT
    assert refused.value.suppress


@pytest.mark.parametrize(
    ("status", "error", "words", "kind", "code"),
    [
        (400, "Throttling", "Rate exceeded", NotTaken, Code.THROTTLED),
        (400, "ThrottledException", "Rate exceeded", NotTaken, Code.THROTTLED),
        (403, "AuthorizationError", "no", NotTaken, Code.CREDENTIALS),
        (403, "InvalidClientTokenId", "no", NotTaken, Code.CREDENTIALS),
        (503, "ServiceUnavailable", "no", NotTaken, Code.UNAVAILABLE),
        (400, "InvalidParameter", "PhoneNumber Reason: x", Refused, Code.ADDRESS_REFUSED),
        (400, "InvalidParameter", "Message too long", Refused, Code.MESSAGE_REFUSED),
        (400, "ParameterValueInvalid", "no", Refused, Code.MESSAGE_REFUSED),
        (500, "InternalError", "no", Unclear, Code.PROVIDER_FAILED),
    ],
)
async def test_each_answer_has_one_meaning_and_none_is_retried(
    adapter: SnsAdapter,
    sns: SnsProvider,
    status: int,
    error: str,
    words: str,
    kind: type[NotSent],
    code: Code,
) -> None:
    sns.fail(status, error, words)
    with pytest.raises(NotSent) as failed:
        await adapter.send(an_sms())
    assert type(failed.value) is kind
    assert failed.value.code == code
    assert not (isinstance(failed.value, Refused) and failed.value.suppress)
    assert len(sns.server.requests) == 1


async def test_what_is_no_number_or_no_text_is_never_asked_for(
    adapter: SnsAdapter, sns: SnsProvider
) -> None:
    for sms, code in [
        (replace(an_sms(), to="06 12 34 56 78"), Code.ADDRESS_INVALID),
        (replace(an_sms(), text=" \n"), Code.MESSAGE_INVALID),
    ]:
        with pytest.raises(Refused) as refused:
            await adapter.send(sms)
        assert refused.value.code == code
    assert sns.server.requests == []
