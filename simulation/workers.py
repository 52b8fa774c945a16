"""The workers of a simulation: those of production, on its clock."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.context import Context
from activities.failures import CodedFailures
from activities.registry import activities_by_queue
from journeys.protocol.channels import SEND_QUEUES
from journeys.protocol.names import QUEUE
from simulation.clock import Clock
from simulation.document_set import DocumentSet
from simulation.interceptors import SerialDispatcher, SimulatedTimeInterceptor, WorkflowTracker
from workflows.journey import Journey

CONCURRENCY = 20
"""How many activities run at the same time."""
_CACHED_WORKFLOWS = 1000
"""How many workflows a worker caches, or one for each contact if there are more contacts."""
_BUILD = "simulation"
"""The name of the build. Without one the SDK reads the code of all modules to make it."""


def simulated_workers(
    client: Client,
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    documents: DocumentSet,
    context: Context,
    clock: Clock,
    dispatcher: SerialDispatcher,
    tracker: WorkflowTracker,
    *,
    contacts: int,
) -> list[Worker]:
    """A worker for each queue that the journeys of the documents need."""
    kinds = {step.kind for journey in documents.journeys for step in journey.all_steps()}
    served = {QUEUE, *(queue for kind, queue in SEND_QUEUES.items() if kind in kinds)}
    return [
        Worker(
            client,
            task_queue=queue,
            workflows=[Journey] if queue == QUEUE else [],
            activities=activities,
            # The sandbox loads the workflow's module again for every run, which takes time.
            workflow_runner=UnsandboxedWorkflowRunner(),
            build_id=_BUILD,
            max_cached_workflows=max(_CACHED_WORKFLOWS, contacts),
            # As many as there are connections: more activities would only wait for one.
            max_concurrent_activities=CONCURRENCY,
            max_concurrent_local_activities=CONCURRENCY,
            interceptors=[
                SimulatedTimeInterceptor(clock, dispatcher, tracker),
                CodedFailures(pool),
            ],
        )
        for queue, activities in activities_by_queue(context).items()
        if queue in served
    ]
