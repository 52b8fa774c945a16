"""Which activities a worker serves, by task queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from activities.context import Context
from activities.deciding.decisions import Decisions
from activities.deciding.splits import Splits
from activities.leaving.finish import Finishing
from activities.sending.send import Sends
from activities.versions.take_version import Moving
from activities.waiting.waits import Waits
from journeys.protocol.names import QUEUE, SEND_QUEUES


def activities_by_queue(context: Context) -> dict[str, list[Callable[..., Any]]]:
    """The activities of each queue; those of `journeys` also run as local ones."""
    waits, splits, finishing = Waits(context), Splits(context), Finishing(context)
    sends, moving = Sends(context), Moving(context)
    return {
        QUEUE: [
            waits.plan,
            waits.close,
            *Decisions(context).activities(),
            splits.split,
            finishing.finish,
            moving.take,
        ],
        **{queue: [sends.send] for queue in SEND_QUEUES.values()},
    }
