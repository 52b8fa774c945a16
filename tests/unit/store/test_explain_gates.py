"""Gates of explanations: each reason of the engine has one, and each one has its words."""

from __future__ import annotations

from typing import get_args

from journeys.model.reasons import RefusalReason, SkipReason
from journeys.protocol.deferrals import DeferralReason
from store.reports.explain_admission import NEEDS
from store.reports.explain_gates import (
    GATES,
    HELD_AT,
    REFUSED_AT,
    SKIPPED_AT,
    EntryGate,
    StepGate,
)
from store.reports.explain_send_gates import NEEDS as SEND_NEEDS


def test_each_reason_of_the_engine_has_its_gate() -> None:
    assert set(REFUSED_AT) == set(get_args(RefusalReason))
    assert set(SKIPPED_AT) == set(get_args(SkipReason))
    assert set(HELD_AT) == set(get_args(DeferralReason))


def test_each_gate_says_what_is_so_and_what_it_needs() -> None:
    gates = {*get_args(EntryGate), *get_args(StepGate)}
    assert set(GATES) == gates
    assert set(NEEDS) == set(REFUSED_AT)
    assert {*SKIPPED_AT.values(), *HELD_AT.values()} <= set(SEND_NEEDS)
