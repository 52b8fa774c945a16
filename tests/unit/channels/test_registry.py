"""Which adapters the settings make."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args
from uuid import uuid4

import pytest
from pydantic import SecretStr

from channels.adapter import Call, Sms
from channels.email.ses.send import SesAdapter
from channels.email.smtp.send import SmtpAdapter
from channels.errors import Code, NotTaken
from channels.registry import PROVIDERS, build
from channels.sms.inbox.send import InboxAdapter
from channels.sms.sns.send import SnsAdapter
from infra.settings import Settings
from journeys.protocol.channels import CHANNELS


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The settings that providers read, all of them absent unless a test says otherwise."""

    email: str
    sms: str = "sns"
    smtp_url: str | None = None
    aws_region: str | None = None
    aws_endpoint_url: str | None = None
    webhook_secret: SecretStr | None = None
    webhook_allow: Sequence[str] = ()
    slots_sends: int = 100


SECRET = SecretStr("s")


def test_every_channel_has_a_provider() -> None:
    assert PROVIDERS.keys() == CHANNELS.keys()


def test_the_settings_offer_every_provider() -> None:
    for channel, providers in PROVIDERS.items():
        if len(providers) > 1:
            assert set(get_args(Settings.model_fields[channel].annotation)) == providers.keys()


def test_every_channel_has_an_adapter_that_knows_its_channel() -> None:
    adapters = build(
        Chosen(
            email="ses",
            aws_region="eu-west-1",
            webhook_secret=SECRET,
            webhook_allow=["10.0.0.0/8"],
        )
    )
    assert {name: adapter.channel for name, adapter in adapters.items()} == {
        "email": "email",
        "sms": "sms",
        "webhook": "webhook",
    }
    assert isinstance(adapters["email"], SesAdapter)
    assert isinstance(adapters["sms"], SnsAdapter)
    assert all(adapter.timeout < 30 for adapter in adapters.values())


def test_a_development_stack_keeps_its_sms() -> None:
    adapters = build(
        Chosen(email="smtp", sms="inbox", smtp_url="smtp://localhost:1025", webhook_secret=SECRET),
        inbox=lambda _: None,
    )
    assert isinstance(adapters["email"], SmtpAdapter)
    assert isinstance(adapters["sms"], InboxAdapter)


async def test_a_channel_that_is_not_set_up_takes_nothing_and_names_the_setting() -> None:
    adapters = build(Chosen(email="smtp", smtp_url="smtp://localhost:1025"))
    with pytest.raises(NotTaken) as unsigned:
        await adapters["webhook"].send(Call(message_id=uuid4(), url="https://crm.example/"))
    assert unsigned.value.code == Code.ACCOUNT
    assert "PARCOURS_WEBHOOK_SECRET" in unsigned.value.detail
    with pytest.raises(NotTaken) as no_region:
        await adapters["sms"].send(Sms(message_id=uuid4(), to="+33612345678", text="hello"))
    assert "AWS_REGION" in no_region.value.detail


@pytest.mark.parametrize(
    ("wrong", "setting"),
    [
        ({"email": "smtp"}, "SMTP_URL"),
        ({"email": "smtp", "smtp_url": "localhost"}, "SMTP_URL"),
        ({"email": "ses"}, "AWS_REGION"),
        (
            {
                "email": "ses",
                "aws_region": "x",
                "webhook_secret": SECRET,
                "webhook_allow": ["home"],
            },
            "PARCOURS_WEBHOOK_ALLOW",
        ),
    ],
)
def test_a_missing_or_wrong_setting_is_named(wrong: dict[str, Any], setting: str) -> None:
    with pytest.raises(ValueError, match=setting):
        build(Chosen(**wrong))
