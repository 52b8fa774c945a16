"""Which activities a worker serves, by task queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from activities.context import Context
from activities.decisions import Decisions
from activities.finishing import Finishing
from activities.moving import Moving
from activities.sends import Sends
from activities.splits import Splits
from activities.waits import Waits
from journeys.exchange import QUEUE, SEND_QUEUES


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
