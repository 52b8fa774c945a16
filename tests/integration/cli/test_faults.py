"""`parcours fault`, against a real API."""

import json

from store.operations.faults import record_fault
from tests.integration.cli.test_journeys_and_runs import Parcours, Pool, api, here, parcours

__all__ = ["api", "here", "parcours"]


async def test_faults_are_listed(parcours: Parcours, pool: Pool) -> None:
    assert parcours("fault", "list").stdout == "no faults\n"
    async with pool.connection() as conn:
        await record_fault(
            conn, activity="catalog", code="broken_document", detail="no step `x`",
            subject="journey welcome",
        )  # fmt: skip
    listed = parcours("fault", "list", "--code", "broken_document").stdout
    assert "journey welcome" in listed
    assert "no step `x`" in listed
    assert json.loads(parcours("fault", "list", "--json").stdout)["items"][0]["attempts"] is None
