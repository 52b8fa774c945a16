"""The queue of notifications (SQS): long polling, and a message is deleted once it is recorded.

A process that dies in between leaves its messages in the queue. They come again, and have no second
effect.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import boto3
import structlog
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from inbound.intake import Intake
from journeys.time.backoff import Backoff
from store.operations.faults import record_fault
from store.sql import is_database_away, is_database_busy

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

log = structlog.get_logger(__name__)

T = TypeVar("T")

BATCH: Final = 10
"""The most messages of one call; SQS allows no more."""
WAIT: Final = 10
"""Seconds of one long poll."""
INVISIBLE: Final = 60
"""Seconds in which the messages of a batch are recorded; then they come again."""
MOST_RECEIPTS: Final = 5
"""How often a message with a fault is tried before it is set aside."""
_AWAY: Final = Backoff(first=1.0, longest=30.0)


class QueuePoller:
    """Polls one queue until it is stopped. `endpoint_url` replaces Amazon's address."""

    def __init__(
        self,
        intake: Intake,
        queue_url: str,
        *,
        region: str,
        endpoint_url: str | None = None,
        wait: int = WAIT,
        invisible: int = INVISIBLE,
    ) -> None:
        self._intake = intake
        self._queue_url = queue_url
        self._wait = wait
        self._invisible = invisible
        self._stopping = asyncio.Event()
        self._client: SQSClient = boto3.client(
            "sqs",
            region_name=region,
            endpoint_url=endpoint_url,
            config=Config(
                connect_timeout=5,
                read_timeout=wait + 10,
                retries={"total_max_attempts": 1, "mode": "standard"},
            ),
        )

    async def run(self) -> None:
        """Poll until `stop` is called. What is away is waited for, with growing delays."""
        failures = 0
        while not self._stopping.is_set():
            try:
                await self.poll()
                failures = 0
            except (BotoCoreError, ClientError) as error:
                failures += 1
                log.warning("queue_away", error=str(error))
            except Exception as error:
                if not is_database_away(error) and not is_database_busy(error):
                    log.exception("queue_poll_failed")
                failures += 1
            if failures:
                await self._rest(_AWAY.delay(failures))

    def stop(self) -> None:
        """End `run` after the batch in hand, which is recorded and deleted first."""
        self._stopping.set()

    async def poll(self) -> int:
        """Take one batch; the number of its messages. A stop ends the long poll at once."""
        receiving = asyncio.ensure_future(self._receive())
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({receiving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            # What a long poll still receives after a stop comes again.
            messages = receiving.result() if receiving.done() else []
        finally:
            stopping.cancel()
            receiving.cancel()
        if not messages:
            return 0
        bodies = [(f"message {each['MessageId']}", each.get("Body", "")) for each in messages]
        results = await self._intake.take_texts(bodies)
        done = [
            message
            for message, result in zip(messages, results, strict=True)
            if result != "failed" or await self._is_given_up(message)
        ]
        if done:
            await self._delete(done)
        return len(messages)

    async def _receive(self) -> list[Any]:
        answer = await self._call(
            lambda: self._client.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=BATCH,
                WaitTimeSeconds=self._wait,
                VisibilityTimeout=self._invisible,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        )
        return list(answer.get("Messages", []))

    async def _is_given_up(self, message: Any) -> bool:
        """Whether a message with a fault has been tried often enough: it blocks no others."""
        received = int(message.get("Attributes", {}).get("ApproximateReceiveCount", "1"))
        if received < MOST_RECEIPTS:
            return False
        async with self._intake.pool.connection() as conn:
            await record_fault(
                conn,
                activity="notifications",
                code="given_up",
                detail=f"message {message['MessageId']}: tried {received} times",
                subject="notifications",
            )
        return True

    async def _delete(self, messages: list[Any]) -> None:
        entries: list[Any] = [
            {"Id": str(place), "ReceiptHandle": message["ReceiptHandle"]}
            for place, message in enumerate(messages)
        ]
        answer = await self._call(
            lambda: self._client.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)
        )
        for failed in answer.get("Failed", []):
            # It comes again, and changes nothing.
            log.warning("queue_delete_failed", code=failed.get("Code"))

    async def _call(self, call: Callable[[], T]) -> T:
        """The result of a blocking call, in a thread that no exit of the process waits for."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def end(result: T | None, error: Exception | None) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(cast("T", result))

        def run() -> None:
            result, error = None, None
            try:
                result = call()
            except Exception as raised:
                error = raised
            with suppress(RuntimeError):
                # The loop may have ended in the meantime.
                loop.call_soon_threadsafe(end, result, error)

        threading.Thread(target=run, name="sqs", daemon=True).start()
        return await future

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass
