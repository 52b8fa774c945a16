"""The providers: the mail server, SES with its identity and its events, SNS and SQS."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final

import aiosmtplib
import boto3
from botocore.exceptions import BotoCoreError, ClientError

from channels.aws import client_config
from channels.email.smtp.server import SmtpServer, abandon
from doctor.findings import Finding, fail, ok, warn
from doctor.names import Lookup, ses_dkim_finding
from infra.settings import Settings

_TIMEOUT: Final = 8.0
_NEEDED: Final = frozenset({"SEND", "REJECT", "BOUNCE", "COMPLAINT", "DELIVERY", "DELIVERY_DELAY"})
_SECONDS_OF_A_DAY: Final = 86_400


async def smtp_finding(settings: Settings) -> Finding:
    """Whether the mail server answers and takes the user."""
    server = SmtpServer.parse(settings.smtp_url)
    where = f"{server.host}:{server.port}"
    try:
        client = await server.connect(timeout=_TIMEOUT, hello=socket.gethostname())
    except (aiosmtplib.SMTPException, OSError, ssl.SSLError) as error:
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        return fail("mail server", f"{where}: {words}. Check SMTP_URL")
    encrypted = client.get_transport_info("ssl_object") is not None
    abandon(client)
    if not encrypted and server.user is not None:
        return warn("mail server", f"{where} answers without TLS: use smtps:// or starttls=require")
    return ok("mail server", f"{where} answers{' by TLS' if encrypted else ''}")


class Amazon:
    """The services of AWS as the settings name them. Calls only read."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def _client(self, service: Any) -> Any:
        return boto3.Session().client(
            service,
            region_name=self._settings.aws_region,
            endpoint_url=self._settings.aws_endpoint_url,
            config=client_config(timeout=_TIMEOUT, threads=2),
        )

    async def ses_findings(self, domain: str, lookup: Lookup) -> list[Finding]:
        """The account, the identity of the sender's domain, and where events go."""
        try:
            ses = self._client("sesv2")
            account = await asyncio.to_thread(ses.get_account)
        except (BotoCoreError, ClientError) as error:
            words = "check the credentials, AWS_REGION, and the right ses:GetAccount"
            return [fail("SES", f"{_words(error)}: {words}")]
        found = [_account(account, self._settings.aws_region)]
        found += await self._identity(ses, domain, lookup)
        found.append(await self._events(ses))
        return found

    async def _identity(self, ses: Any, domain: str, lookup: Lookup) -> list[Finding]:
        try:
            identity = await asyncio.to_thread(ses.get_email_identity, EmailIdentity=domain)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NotFoundException":
                words = f"SES does not know {domain}: run `aws sesv2 create-email-identity"
                return [fail("SES identity", f"{words} --email-identity {domain}`")]
            return [fail("SES identity", _words(error))]
        except BotoCoreError as error:
            return [fail("SES identity", _words(error))]
        found = []
        if identity.get("VerifiedForSendingStatus"):
            found.append(ok("SES identity", f"{domain} is verified"))
        else:
            words = f"{domain} is not verified yet: publish its DKIM records, and wait"
            found.append(fail("SES identity", words))
        dkim = identity.get("DkimAttributes", {})
        if not dkim.get("SigningEnabled"):
            found.append(fail("DKIM", f"SES does not sign for {domain}: turn on Easy DKIM"))
        else:
            tokens = dkim.get("Tokens", [])
            found.append(await ses_dkim_finding(lookup, domain, tokens))
        return found

    async def _events(self, ses: Any) -> Finding:
        name = self._settings.ses_configuration_set
        if name is None:
            words = "PARCOURS_SES_CONFIGURATION_SET is not set, so no bounce comes back"
            return fail("SES events", f"{words}: make a configuration set, and name it")
        try:
            answer = await asyncio.to_thread(
                ses.get_configuration_set_event_destinations, ConfigurationSetName=name
            )
        except (BotoCoreError, ClientError) as error:
            words = "check PARCOURS_SES_CONFIGURATION_SET"
            return fail("SES events", f"{_words(error)}: {words}")
        enabled = [each for each in answer["EventDestinations"] if each.get("Enabled")]
        topics = [each for each in enabled if each.get("SnsDestination")]
        if not topics:
            return fail(
                "SES events",
                f"the configuration set {name} publishes to no topic of SNS: add one as event"
                " destination",
            )
        types = {kind for each in topics for kind in each["MatchingEventTypes"]}
        lacking = sorted(_NEEDED - types)
        if lacking:
            return fail("SES events", f"{name} does not publish {', '.join(lacking)}: add these")
        if types & {"OPEN", "CLICK"} and self._settings.public_url is not None:
            words = "publishes opens or clicks as well as Parcours: each is counted twice"
            return warn("SES events", f"{name} {words}; leave one of them off")
        return ok("SES events", f"{name} publishes what is needed")

    async def notification_findings(self) -> list[Finding]:
        """The queue and the topics by which notifications come."""
        found = []
        url, topics = self._settings.ses_queue_url, self._settings.sns_topics
        if url is not None:
            found.append(await self._queue(url))
        for topic in topics:
            call: Callable[..., Any] = self._client("sns").get_topic_attributes
            try:
                await asyncio.to_thread(call, TopicArn=topic)
            except (BotoCoreError, ClientError) as error:
                words = "check PARCOURS_SNS_TOPICS"
                found.append(fail("topic", f"{topic}: {_words(error)}; {words}"))
            else:
                found.append(ok("topic", f"{topic} is there"))
        if not found:
            words = "no notification comes in: set PARCOURS_SES_QUEUE_URL or PARCOURS_SNS_TOPICS"
            found.append(fail("notifications", words))
        return found

    async def _queue(self, url: str) -> Finding:
        try:
            answer = await asyncio.to_thread(
                self._client("sqs").get_queue_attributes, QueueUrl=url, AttributeNames=["All"]
            )
        except (BotoCoreError, ClientError) as error:
            words = "check PARCOURS_SES_QUEUE_URL, and the right sqs:GetQueueAttributes"
            return fail("queue", f"{_words(error)}: {words}")
        attributes = answer["Attributes"]
        if int(attributes["MessageRetentionPeriod"]) < 4 * _SECONDS_OF_A_DAY:
            return warn("queue", "keeps messages for less than 4 days: keep them for 14")
        waiting = attributes["ApproximateNumberOfMessages"]
        return ok("queue", f"is there, with {waiting} messages waiting")


def _account(account: dict[str, Any], region: str) -> Finding:
    quota = account.get("SendQuota", {})
    most, rate = quota.get("Max24HourSend", 0), quota.get("MaxSendRate", 0)
    words = f"{most:g} messages a day, {rate:g} a second in {region}"
    if not account.get("SendingEnabled"):
        return fail("SES", "sending is paused: read the mails of AWS, and ask its support")
    if account.get("EnforcementStatus") not in (None, "HEALTHY"):
        status = account["EnforcementStatus"]
        return fail("SES", f"the account is under {status}: lower bounces and complaints, and ask")
    if not account.get("ProductionAccessEnabled"):
        return fail(
            "SES",
            f"the account is in the sandbox ({words}), and writes to verified addresses alone: ask"
            " for production access in the console of SES",
        )
    return ok("SES", words)


def _words(error: Exception) -> str:
    return str(error).splitlines()[0][:200]
