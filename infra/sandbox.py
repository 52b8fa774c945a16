"""The sandbox of workflows, without the work that the engine has no use for."""

from __future__ import annotations

from typing import Final

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.client import Client
from temporalio.converter import SerializationContext, StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio.workflow import Info, _Definition

from infra.kept_modules import KEPT


def workflow_runner(client: Client) -> WorkflowRunner:
    """The sandbox for a client's workflows.

    For every payload the SDK enters the sandbox of the run and asks for a serialization context,
    which only a payload codec and external storage use. A client without them does not need the
    answer, and asking takes a sixth of a worker's processor time.

    A run's module is executed again, so that no run sees another's state, but compiled only once.
    """
    converter = client.data_converter
    if converter.payload_codec is None and converter.external_storage is None:
        return _SandboxWithoutContexts()
    return _SandboxWithKeptCode()


def sandbox() -> WorkflowRunner:
    """The sandbox for histories that are replayed without a client."""
    return _SandboxWithKeptCode()


_TRIED: Final[set[str]] = set()
"""The modules that were loaded in the sandbox once, which shows that their workflows can be."""


class _SandboxWithKeptCode(SandboxedWorkflowRunner):
    def prepare_workflow(self, defn: _Definition) -> None:
        if defn.cls.__module__ not in _TRIED:
            super().prepare_workflow(defn)
            _TRIED.add(defn.cls.__module__)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        KEPT.keep(det.defn.cls.__module__)
        return super().create_instance(det)


class _SandboxWithoutContexts(_SandboxWithKeptCode):
    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _InstanceWithoutContexts(super().create_instance(det))


class _InstanceWithoutContexts(WorkflowInstance):
    """A workflow instance that answers without entering the sandbox: there are no contexts."""

    def __init__(self, inner: WorkflowInstance) -> None:
        self._inner = inner

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        return self._inner.activate(act)

    def get_serialization_context(self, command_info: object) -> SerializationContext | None:
        return None

    def get_external_store_context(self, command_info: object) -> StorageDriverStoreContext:
        return StorageDriverStoreContext(target=None)

    def get_info(self) -> Info:
        return self._inner.get_info()

    def get_thread_id(self) -> int | None:
        return self._inner.get_thread_id()
