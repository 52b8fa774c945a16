"""Verification of what SNS posts: its signature, its topic, and its age.

The certificate that signs comes from a host of Amazon in the topic's own region, over HTTPS, under
a name that only SNS has there. Nothing else is fetched.
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64decode
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm

from channels.sns_envelope import Envelope

Fetch = Callable[[str], Awaitable[bytes]]
"""Fetches a URL of Amazon. Raises CertificateAway if that is not possible now."""

_Key = tuple[RSAPublicKey, datetime, datetime]
"""A key, and from when until when its certificate is valid."""

MOST_AGE: Final = timedelta(hours=1)
"""SNS repeats a delivery for that long at least; an older one is a replay."""
MOST_AHEAD: Final = timedelta(minutes=5)
_CERTIFICATES: Final = 16
"""The most certificates that are remembered."""
_FETCHES: Final = 10
"""The most certificates that are fetched in a minute."""
_LONGEST_ANSWER: Final = 64 * 1024
_SIGNING_NAME: Final = "sns"
_CERTIFICATE_URL = re.compile(
    r"https://sns\.(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com(?:\.cn)?"
    r"/SimpleNotificationService-[0-9a-f]{32}\.pem",
    re.ASCII,
)
_SUBSCRIBE_URL = re.compile(
    r"https://sns\.(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com(?:\.cn)?"
    r"/\?Action=ConfirmSubscription&[!-~]{1,2000}",
    re.ASCII,
)
_HASHES: Final[dict[str, Callable[[], HashAlgorithm]]] = {"1": SHA1, "2": SHA256}


class Forged(Exception):
    """A message that SNS did not send to this installation, or not now; the text says why."""


class CertificateAway(Exception):
    """Amazon's certificate cannot be fetched now: SNS is to deliver again."""


class SnsVerifier:
    """Verifies envelopes of the expected topics.

    `fetch` fetches certificates and confirms subscriptions; by default from Amazon.
    """

    def __init__(self, topics: Collection[str], fetch: Fetch | None = None) -> None:
        self._topics = frozenset(topics)
        self._fetch = fetch or fetch_from_amazon
        self._keys: OrderedDict[str, _Key] = OrderedDict()
        self._fetching = asyncio.Lock()
        self._fetched: deque[datetime] = deque(maxlen=_FETCHES)

    @property
    def expects_any(self) -> bool:
        """Whether any topic is expected at all."""
        return bool(self._topics)

    async def verify(self, envelope: Envelope, *, now: datetime) -> None:
        """Raise Forged unless SNS sent it, from an expected topic and not long ago.

        Raises CertificateAway as well.
        """
        if envelope.topic not in self._topics:
            raise Forged("its topic is not one of PARCOURS_SNS_TOPICS")
        if not now - MOST_AGE <= envelope.sent_at <= now + MOST_AHEAD:
            raise Forged("its time stamp is not of now")
        algorithm = _HASHES.get(envelope.signature_version)
        if algorithm is None:
            raise Forged("its signature has an unknown version")
        address = _CERTIFICATE_URL.fullmatch(envelope.certificate_url)
        if address is None or address["region"] != envelope.region:
            raise Forged("its certificate is not at the address of SNS in the topic's region")
        key = await self._key(envelope.certificate_url, now)
        try:
            signature = b64decode(envelope.signature, validate=True)
            key.verify(signature, envelope.signed, PKCS1v15(), algorithm())
        except (ValueError, InvalidSignature):
            raise Forged("its signature is wrong") from None

    async def confirm(self, envelope: Envelope) -> None:
        """Confirm the subscription of a verified envelope. Raises Forged and CertificateAway."""
        url = envelope.subscribe_url or ""
        address = _SUBSCRIBE_URL.fullmatch(url)
        if address is None or address["region"] != envelope.region:
            raise Forged("its SubscribeURL is not at the address of SNS in the topic's region")
        await self._fetch(url)

    async def _key(self, url: str, now: datetime) -> RSAPublicKey:
        known = self._keys.get(url)
        if known is None:
            async with self._fetching:
                known = self._keys.get(url) or await self._fetch_key(url, now)
        key, begins, ends = known
        if not begins <= now <= ends:
            raise Forged("its certificate is not valid now")
        return key

    async def _fetch_key(self, url: str, now: datetime) -> _Key:
        """Fetch a certificate and remember it. Made-up addresses cost a bounded number of calls."""
        if len(self._fetched) == _FETCHES and now - self._fetched[0] < timedelta(minutes=1):
            raise CertificateAway("too many certificates were asked for in a minute")
        self._fetched.append(now)
        key = self._keys[url] = _read_certificate(await self._fetch(url))
        while len(self._keys) > _CERTIFICATES:
            self._keys.popitem(last=False)
        return key


def _read_certificate(pem: bytes) -> _Key:
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        key = certificate.public_key()
        names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    except ValueError:
        raise Forged("its certificate is not one") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < 2048:
        raise Forged("its certificate has no RSA key of 2048 bits")
    # Such as sns.eu-west-1.amazonaws.com.
    if not any(_is_of_sns(str(name.value)) for name in names):
        raise Forged("its certificate is not one of SNS")
    return key, certificate.not_valid_before_utc, certificate.not_valid_after_utc


def _is_of_sns(common_name: str) -> bool:
    return common_name.startswith(f"{_SIGNING_NAME}.") and common_name.endswith(
        (".amazonaws.com", ".amazonaws.com.cn")
    )


async def fetch_from_amazon(url: str) -> bytes:
    """Fetch a certificate or a confirmation: no redirects, 5 s, and a bounded answer."""
    try:
        async with (
            httpx.AsyncClient(timeout=5.0, follow_redirects=False, trust_env=True) as client,
            client.stream("GET", url) as response,
        ):
            if response.status_code != 200:
                raise CertificateAway(f"Amazon answered {response.status_code}")
            answer = b""
            async for part in response.aiter_bytes():
                answer += part
                if len(answer) > _LONGEST_ANSWER:
                    raise CertificateAway("Amazon's answer is too long")
            return answer
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise CertificateAway(f"{type(error).__name__}: {error}") from None


def utc_now() -> datetime:
    """The time by this machine's clock."""
    return datetime.now(UTC)
