"""Budgets of network addresses: each has its own, in a bounded memory."""

from __future__ import annotations

from uuid import uuid4

import pytest

from api.tracking.address_budgets import AddressBudgets


def test_each_address_has_a_budget_of_its_own_for_each_key_and_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [60.0]
    monkeypatch.setattr("api.tracking.address_budgets._now", lambda: now[0])
    budgets = AddressBudgets()
    key, other = uuid4(), uuid4()
    assert budgets.take(key, "192.0.2.1", 5, 3) == 3
    assert budgets.take(key, "192.0.2.1", 5, 3) == 2
    assert budgets.take(key, "192.0.2.1", 5, 1) == 0
    assert budgets.take(key, "192.0.2.2", 5, 6) == 5
    assert budgets.take(other, "192.0.2.1", 5, 3) == 3
    now[0] = 119.9
    assert budgets.take(key, "192.0.2.1", 5, 1) == 0
    now[0] = 120.0
    assert budgets.take(key, "192.0.2.1", 5, 1) == 1


def test_a_household_of_ipv6_is_one_address() -> None:
    budgets = AddressBudgets()
    key = uuid4()
    assert budgets.take(key, "2001:db8:0:1::1", 2, 2) == 2
    assert budgets.take(key, "2001:db8:0:1:ffff::2", 2, 1) == 0
    assert budgets.take(key, "2001:db8:0:2::1", 2, 1) == 1
    assert budgets.take(key, "::ffff:192.0.2.1", 2, 2) == 2
    assert budgets.take(key, "192.0.2.1", 2, 1) == 0


def test_many_addresses_take_no_more_memory_and_free_no_one() -> None:
    budgets = AddressBudgets(most=3)
    key = uuid4()
    assert [budgets.take(key, f"192.0.2.{n}", 2, 2) for n in range(3)] == [2, 2, 2]
    # All that come later share one budget, and those that were there are still counted.
    assert budgets.take(key, "192.0.2.7", 2, 1) == 1
    assert budgets.take(key, "192.0.2.8", 2, 2) == 1
    assert budgets.take(key, "192.0.2.9", 2, 1) == 0
    assert budgets.take(key, "192.0.2.0", 2, 1) == 0
