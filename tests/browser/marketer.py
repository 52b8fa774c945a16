"""A marketer in the console: topics, templates and codes on their pages, steps in the builder."""

from __future__ import annotations

import re
from typing import Final

from playwright.async_api import Locator, expect
from ruamel.yaml import YAML

from tests.browser.hands import Hands, card

TOPICS: Final = {
    "double": "Asks, and counts once confirmed (double opt in)",
    "opt_out": "Subscribed until they unsubscribe (opt out)",
}


class Maker:
    """A marketer who makes what journeys need, and fills in the settings of what is chosen."""

    def __init__(self, hands: Hands) -> None:
        self.hands = hands
        self.page = hands.page
        self.side = self.page.get_by_role("region", name="Settings of what is chosen")

    def box(self, label: str) -> Locator:
        """A field in which a text is written."""
        return self.side.get_by_role("textbox", name=label, exact=True).or_(
            self.side.get_by_role("combobox", name=label, exact=True)
        )

    async def _begin_document(self, place: str, open_it: str, begin_with: str, key: str) -> None:
        """From the menu to a new document under a key, as a draft."""
        page, hands = self.page, self.hands
        await hands.press(page.get_by_role("link", name=place, exact=True))
        await hands.press(page.get_by_role("link", name=open_it))
        await hands.pick(page.get_by_role("combobox", name="Begin with"), begin_with)
        await hands.write(page.get_by_label("Its key"), key)
        await hands.press(page.get_by_role("button", name="Begin", exact=True))
        await expect(page.get_by_role("heading", name=key, level=1)).to_be_visible()

    async def _save(self) -> None:
        page, hands = self.page, self.hands
        await hands.press(page.get_by_role("button", name="Save…"))
        dialog = page.get_by_role("dialog")
        await hands.press(dialog.get_by_role("button", name="Save", exact=True))
        await expect(dialog).to_be_hidden()
        await expect(page.get_by_text("version 1", exact=False).first).to_be_visible()

    async def make_topic(self, topic: dict[str, str]) -> None:
        """A topic on the page of topics."""
        key = topic["topic"]
        await self._begin_document("Topics", "New topic", TOPICS[topic["default"]], key)
        await self._save()

    async def make_template(self, template: dict[str, str]) -> None:
        """A template on the page of templates, from an empty one."""
        key = template["template"]
        await self._begin_document("Templates", "New template", "Nothing", key)
        fields = self.page.get_by_role("region", name="Fields")
        for name, text in (("Subject", template["subject"]), ("HTML", template["html"])):
            await self.hands.write(fields.get_by_role("textbox", name=name, exact=True), text)
        await self._save()

    async def make_objects(self, source: str) -> None:
        """The topic and the templates that a hand would write so."""
        for each in YAML(typ="safe").load_all(source):
            await (self.make_topic if "topic" in each else self.make_template)(each)

    async def make_pool(self, pool: str, codes: bytes) -> None:
        """A pool with the codes of a file, on the page of coupons."""
        page, hands = self.page, self.hands
        await hands.press(page.get_by_role("link", name="Coupons", exact=True))
        await hands.press(page.get_by_role("link", name="New pool"))
        await hands.write(page.get_by_label("Its name"), pool)
        await hands.upload(page.get_by_label("File of codes"), "codes.csv", codes)
        await hands.press(page.get_by_role("button", name=re.compile("^Add .* codes$")))
        await expect(page.get_by_role("heading", name=pool, level=1)).to_be_visible()

    async def begin(self, journey: str) -> None:
        """From the first page to an empty journey."""
        press = self.hands.press
        await press(self.page.get_by_role("link", name="Journeys", exact=True))
        await press(self.page.get_by_role("link", name="New journey"))
        await self.hands.write(self.page.get_by_label("Its key"), journey)
        await press(self.page.get_by_role("button", name="Create"))
        await expect(card(self.page, "entry")).to_be_visible()

    async def add(self, setting: str) -> None:
        """Add one of the settings that are offered first."""
        offer = self.side.get_by_role("button", name=f"+ {setting}", exact=True)
        await self.hands.press(offer.last)

    async def more(self, setting: str, place: int = 0) -> None:
        """Add one of the further settings."""
        await self.hands.press(self.side.get_by_role("button", name="More settings").nth(place))
        await self.hands.take(self.page.get_by_role("menuitem", name=setting, exact=True))

    async def call(self, step: str, name: str) -> None:
        """Give a step another name."""
        await self.hands.choose(f"step:{step}")
        await self.hands.write(self.box("Name of the step"), name)
        await self.page.keyboard.press("Enter")
        await expect(card(self.page, f"step:{name}")).to_be_visible()

    async def email(self, below: str, name: str, template: str, topic: str) -> None:
        """Insert a mail of a template below a card."""
        await self.hands.insert("E-mail", below)
        await self.call("email", name)
        await self.add("Template")
        await self.hands.write(self.box("Template"), template)
        await self.add("Topic")
        await self.hands.write(self.box("Topic"), topic)

    async def length(self, label: str, count: int, unit: str) -> None:
        """Write how long something takes."""
        await self.hands.write(self.box(label), str(count))
        await self.hands.pick(self.side.get_by_label(f"{label}: unit"), unit)

    async def where(self, name: str, comparison: str, value: str) -> None:
        """Ask for a property of the event."""
        await self.add("Where")
        line = self.side.get_by_role("group", name="Changing: where")
        await self.hands.write(line.get_by_label("Property", exact=True), name)
        await self.hands.pick(line.get_by_label("Comparison"), comparison)
        await self.hands.write(line.get_by_label("Value", exact=True), value)
        await self.hands.press(line.get_by_role("button", name="Done"))

    async def where_same(self, name: str) -> None:
        """Ask for a property of the event that is the one of the entry."""
        await self.add("Where")
        line = self.side.get_by_role("group", name="Changing: where")
        await self.hands.write(line.get_by_label("Property", exact=True), name)
        await self.hands.press(line.get_by_role("button", name="Compared with"))
        compared = line.get_by_role("combobox", name="Compared with")
        await self.hands.pick(compared, "a property of the entry")
        await self.hands.write(line.get_by_label("Property", exact=True).last, name)
        await self.hands.press(line.get_by_role("button", name="Done"))

    async def if_step(self, way: str, name: str, step: str, outcome: str) -> None:
        """Let a way be taken if a step ended so."""
        await self.hands.choose(way)
        await self.hands.write(self.box("Name"), name)
        renamed = way.rpartition(":")[0] + f":{name}"
        await expect(card(self.page, renamed)).to_be_visible()
        await self.hands.press(self.side.get_by_role("button", name="Ask something else"))
        await self.hands.take(self.page.get_by_role("menuitem", name="Step of this journey"))
        line = self.side.get_by_role("group", name="Changing: step")
        await self.hands.write(line.get_by_label("Step", exact=True), step)
        await self.hands.write(line.get_by_label("Value", exact=True), outcome)
        await self.hands.press(line.get_by_role("button", name="Done"))
