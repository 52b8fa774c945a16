"""Calls of Amazon's services: one attempt each, on threads, with errors mapped to `NotSent`."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any, TypeVar

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    MetadataRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
    TokenRetrievalError,
)

from channels.errors import Code, NotSent, NotTaken, Refused, Unclear

T = TypeVar("T")

MakeError = Callable[[str], NotSent]
"""Makes the error for an answer, from the words of the answer."""

_NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    MetadataRetrievalError,
    TokenRetrievalError,
)

_WRONG_CREDENTIALS = frozenset(
    {
        "AccessDenied", "AccessDeniedException", "AuthorizationError", "ExpiredToken",
        "ExpiredTokenException", "IncompleteSignature", "InvalidAccessKeyId",
        "InvalidClientTokenId", "InvalidSecurity", "InvalidSignatureException",
        "MissingAuthenticationToken", "MissingAuthenticationTokenException",
        "NotAuthorized", "OptInRequired", "RequestExpired", "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)  # fmt: skip

_THROTTLED = frozenset(
    {
        "LimitExceeded", "LimitExceededException", "RequestLimitExceeded", "SlowDown", "Throttled",
        "ThrottledException", "Throttling", "ThrottlingException", "TooManyRequestsException",
    }
)  # fmt: skip


def client_config(*, timeout: float, threads: int) -> Config:
    """The settings of a client that never repeats a call and gives up within `timeout` seconds."""
    connect = min(5.0, timeout / 4)
    return Config(
        # Not `max_attempts`, which does not count the first attempt.
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=connect,
        read_timeout=timeout - connect,
        max_pool_connections=threads,
    )


class AwsCalls:
    """Runs blocking calls of one service, at most `threads` at once.

    `service` is its name for people. `errors` holds the errors for the service's own error codes;
    the codes that all services share are handled here. `reasons` holds those for the member
    `Reason` of an error, which says more than its code.
    """

    def __init__(
        self,
        service: str,
        errors: Mapping[str, MakeError],
        *,
        timeout: float,
        threads: int,
        reasons: Mapping[str, MakeError] = MappingProxyType({}),
    ) -> None:
        self._service = service
        self._errors = errors
        self._reasons = reasons
        self._timeout = timeout
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=service.lower())

    async def run(self, call: Callable[[], T]) -> T:
        """The result of the call. Raises `Refused`, `NotTaken` or `Unclear` if it fails."""
        future = self._executor.submit(call)
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            # A call that a thread has started cannot be cancelled.
            if future.cancelled():
                raise NotTaken(
                    Code.BUSY, f"no thread was free to call {self._service} for {self._timeout:g} s"
                ) from None
            raise Unclear(
                Code.NO_ANSWER, f"{self._service} did not answer within {self._timeout:g} s"
            ) from None
        except ClientError as error:
            raise self._answered(error) from None
        except BotoCoreError as error:
            raise self._failed(error) from None
        except Exception as error:
            # No list of this library's errors is complete, and the call may have been made.
            raise Unclear(
                Code.INTERRUPTED, f"the call of {self._service} broke off: {error!r}"
            ) from None

    def message_id(self, answer: Mapping[str, Any]) -> str:
        """The message id of an answer. Raises `Unclear` without one: it is not an answer of AWS."""
        message_id = answer.get("MessageId")
        if not isinstance(message_id, str):
            raise Unclear(Code.PROVIDER_FAILED, f"{self._service} answered without a message id")
        return message_id

    def close(self) -> None:
        """Cancel calls that have not started. Threads end when their calls end."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _answered(self, error: ClientError) -> NotSent:
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        detail = f"{self._service} answered: {error}"
        reason = error.response.get("Reason")
        if reason is not None:
            detail = f"{detail} ({reason})"
        if make_error := self._reasons.get(str(reason)) or self._errors.get(code):
            return make_error(detail)
        if code in _WRONG_CREDENTIALS or status in (401, 403):
            return NotTaken(Code.CREDENTIALS, detail)
        if code in _THROTTLED or status == 429:
            return NotTaken(Code.THROTTLED, detail)
        if status == 503:
            return NotTaken(Code.UNAVAILABLE, detail)
        if 400 <= status < 500:
            return Refused(Code.MESSAGE_REFUSED, detail)
        return Unclear(Code.PROVIDER_FAILED, detail)

    def _failed(self, error: BotoCoreError) -> NotSent:
        detail = f"{self._service} was not called to the end: {error}"
        match error:
            case EndpointConnectionError() | ConnectTimeoutError() | ProxyConnectionError():
                return NotTaken(Code.UNREACHABLE, detail)
            case SSLError() if _is_about_certificate(error):
                return NotTaken(Code.TLS_FAILED, detail)
            case ParamValidationError():
                return Refused(Code.MESSAGE_INVALID, detail)
            case ReadTimeoutError():
                return Unclear(Code.NO_ANSWER, detail)
            case _ if isinstance(error, _NO_CREDENTIALS):
                return NotTaken(Code.CREDENTIALS, detail)
            case _:
                # Any other error may come before or after the request was sent.
                return Unclear(Code.INTERRUPTED, detail)


def _is_about_certificate(error: BaseException) -> bool:
    """Whether TLS failed on the certificate, and so certainly before anything was sent."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return True
        inner = next((arg for arg in seen.args if isinstance(arg, BaseException)), None)
        seen = seen.__cause__ or seen.__context__ or inner
    return False
