"""The adapters of one process, by channel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, assert_never

from channels.adapter import DEFAULT_TIMEOUT, Adapter
from channels.email.ses.send import SesAdapter
from channels.email.smtp.send import SmtpAdapter
from channels.email.smtp.server import SmtpServer
from channels.sms.inbox.send import Append, InboxAdapter
from channels.sms.sns.send import SnsAdapter
from channels.unset import UnsetAdapter
from channels.webhook.allowed_addresses import Network
from channels.webhook.send import WebhookAdapter
from journeys.protocol.channels import ChannelName


def build(
    *,
    email: Literal["smtp", "ses"],
    webhook_secret: str | None = None,
    webhook_allow: Iterable[str | Network] = (),
    smtp_url: str | None = None,
    aws_region: str | None = None,
    aws_endpoint_url: str | None = None,
    ses_configuration_set: str | None = None,
    sms_sender_id: str | None = None,
    inbox: Append | None = None,
    timeout: float = DEFAULT_TIMEOUT,
) -> dict[ChannelName, Adapter]:
    """An adapter for every channel; `close` each in the end.

    SMS go to `inbox` if one is given, else to SNS. A webhook without a secret, and an SMS without
    a region, are `NotTaken`: an installation may do without them. `timeout` is in seconds for a
    whole provider call. Raises ValueError that names the setting which is missing or wrong.
    """
    adapters: dict[ChannelName, Adapter] = {}
    if webhook_secret:
        adapters["webhook"] = WebhookAdapter(
            secret=webhook_secret, allow=webhook_allow, timeout=timeout
        )
    else:
        adapters["webhook"] = UnsetAdapter(
            "webhook", "webhooks are signed, and PARCOURS_WEBHOOK_SECRET is not set"
        )
    match email:
        case "smtp":
            if not smtp_url:
                raise ValueError("e-mail by SMTP needs SMTP_URL, such as smtp://localhost:1025")
            adapters["email"] = SmtpAdapter(SmtpServer.parse(smtp_url), timeout=timeout)
        case "ses":
            if not aws_region:
                raise ValueError("e-mail by SES needs AWS_REGION, such as eu-west-1")
            adapters["email"] = SesAdapter(
                region=aws_region,
                endpoint_url=aws_endpoint_url,
                configuration_set=ses_configuration_set,
                timeout=timeout,
            )
        case _:
            assert_never(email)
    if inbox is not None:
        adapters["sms"] = InboxAdapter(inbox, timeout=timeout)
    elif aws_region:
        adapters["sms"] = SnsAdapter(
            region=aws_region,
            endpoint_url=aws_endpoint_url,
            sender_id=sms_sender_id,
            timeout=timeout,
        )
    else:
        adapters["sms"] = UnsetAdapter("sms", "SMS go by SNS, and AWS_REGION is not set")
    return adapters
