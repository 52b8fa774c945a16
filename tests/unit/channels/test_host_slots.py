"""Slots of hosts: a slow one holds back its own calls, and nothing else."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from channels.webhook.host_slots import HostBusy, HostSlots
from tests.support.conditions import eventually


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def waiting(slots: HostSlots) -> int:
    return len(slots._hosts["a"].waiting)


async def call(slots: HostSlots, clock: Clock, host: str, seconds: float) -> None:
    async with slots.slot(host):
        clock.now += seconds


async def test_a_host_has_so_many_slots_and_another_has_its_own() -> None:
    slots = HostSlots(most=2, patience=0.01)
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(slots.slot("a"))
        with pytest.raises(HostBusy):
            await stack.enter_async_context(slots.slot("a"))
        await stack.enter_async_context(slots.slot("b"))
    async with slots.slot("a"):
        pass


async def test_a_call_waits_a_while_for_a_slot_in_the_order_of_arrival() -> None:
    slots = HostSlots(most=1, patience=5)
    order: list[int] = []
    gate = asyncio.Event()

    async def work(number: int) -> None:
        async with slots.slot("a"):
            order.append(number)
            await gate.wait()

    first = asyncio.create_task(work(1))
    await eventually(lambda: order == [1])
    second = asyncio.create_task(work(2))
    await eventually(lambda: waiting(slots) == 1)
    # As many wait as there are slots.
    with pytest.raises(HostBusy):
        await work(3)
    gate.set()
    await asyncio.gather(first, second)
    assert order == [1, 2]


async def test_a_slot_that_a_cancelled_call_was_given_is_free_again() -> None:
    slots = HostSlots(most=1, patience=5)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(slots.slot("a"))
        late = asyncio.create_task(call(slots, Clock(), "a", 0))
        await eventually(lambda: waiting(slots) == 1)
        await stack.aclose()
        late.cancel()
        await asyncio.gather(late, return_exceptions=True)
    async with asyncio.timeout(1), slots.slot("a"):
        pass


async def test_a_host_that_does_not_answer_has_fewer_slots_until_it_answers() -> None:
    clock = Clock()
    slots = HostSlots(most=16, fewest=4, patience=0.01, slow=5, clock=clock)

    async def free() -> int:
        count = 0
        async with AsyncExitStack() as stack:
            while count < 100:
                try:
                    await stack.enter_async_context(slots.slot("a"))
                except HostBusy:
                    break
                count += 1
            # What these calls take is not what is measured.
            host = slots._hosts["a"]
            allowed = host.allowed
        host.allowed = allowed
        return count

    found = []
    for seconds in (20, 20, 20, 0.1, 0.1):
        await call(slots, clock, "a", seconds)
        found.append(await free())
    assert found == [8, 4, 4, 8, 16]


async def test_calls_that_are_turned_away_get_their_turns_one_after_another() -> None:
    clock = Clock()
    slots = HostSlots(most=4, fewest=4, patience=0.001, slow=5, clock=clock)
    await call(slots, clock, "a", 8.0)
    turns = []
    async with AsyncExitStack() as stack:
        for _ in range(4):
            await stack.enter_async_context(slots.slot("a"))
        for _ in range(100):
            with pytest.raises(HostBusy) as busy:
                await stack.enter_async_context(slots.slot("a"))
            turns.append(busy.value.retry_after)
    # Four calls of eight seconds: one every two seconds.
    assert turns[:4] == [2.0, 4.0, 6.0, 8.0]
    # A queue longer than a minute is spread over the later half of it.
    assert max(turns) == 60.0
    assert min(turns[30:]) == 30.0


async def test_hosts_without_calls_are_forgotten() -> None:
    slots = HostSlots()
    for number in range(3000):
        await call(slots, Clock(), f"host{number}", 0)
    assert len(slots._hosts) <= 1001


async def test_a_slow_host_has_never_more_slots_than_others() -> None:
    clock = Clock()
    slots = HostSlots(most=1, fewest=4, patience=0.01, clock=clock)
    await call(slots, clock, "a", 20)
    async with slots.slot("a"):
        with pytest.raises(HostBusy):
            await call(slots, clock, "a", 0)
