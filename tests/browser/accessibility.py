"""Pages as they are read aloud, enlarged, or used without a mouse: judged by axe-core."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.async_api import Page

AXE = Path(__file__).parents[2] / ".venv/clients/node/node_modules/axe-core/axe.min.js"
_IS_THERE = "'axe' in window"
# Rules whose findings are moderate at most are left out, since only graver ones count. Without
# `preload` it reads no style sheets again: none of the rules that are on looks into them.
_RUN = """async () => {
  const isGrave = impact => impact === 'serious' || impact === 'critical';
  const impactOf = check => axe._audit.data.checks[check.id ?? check].impact;
  const rules = {};
  for (const {id, impact, any, all, none} of axe._audit.rules)
    if (!isGrave(impact) && ![...any, ...all, ...none].map(impactOf).some(isGrave))
      rules[id] = {enabled: false};
  const options = {resultTypes: ['violations'], preload: false, rules};
  return (await axe.run(document, options)).violations
    .map(each => [each.impact, each.id, each.nodes.map(node => node.html).join(' ')]);
}"""


async def serious_faults(page: Page) -> list[Any]:
    """What axe-core finds that is serious or critical. The context must bypass policies."""
    assert AXE.exists(), "install the clients first: tests/e2e/clients/setup"
    if not await page.evaluate(_IS_THERE):
        await page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[Any] = await page.evaluate(_RUN)
    return [each for each in found if each[0] in ("serious", "critical")]
