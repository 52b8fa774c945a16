"""Which activities a worker serves, by task queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from activities.context import Context
from activities.deciding.decisions import DecisionActivities
from activities.deciding.splits import SplitActivities
from activities.leaving.finish import FinishActivities
from activities.sending.send import SendActivities
from activities.versions.take_version import VersionActivities
from activities.waiting.waits import WaitActivities
from journeys.protocol.channels import SEND_QUEUES
from journeys.protocol.names import QUEUE


def activities_by_queue(context: Context) -> dict[str, list[Callable[..., Any]]]:
    """The activities of each queue; those of `journeys` also run as local ones."""
    waits, splits, finishing = (
        WaitActivities(context),
        SplitActivities(context),
        FinishActivities(context),
    )
    sends, moving = SendActivities(context), VersionActivities(context)
    return {
        QUEUE: [
            waits.plan,
            waits.close,
            *DecisionActivities(context).activities(),
            splits.split,
            finishing.finish,
            moving.take,
        ],
        **{queue: [sends.send] for queue in SEND_QUEUES.values()},
    }
