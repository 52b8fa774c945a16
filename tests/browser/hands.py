"""Two ways to use the builder: by pointer, dragging; and by keyboard alone."""

from __future__ import annotations

import re
from typing import Final, Protocol

from playwright.async_api import ElementHandle, FilePayload, FloatRect, Locator, Page, expect

from tests.support.conditions import eventually

MOST_TABS: Final = 400
"""Presses of Tab until something counts as out of reach."""
MOST_ARROWS: Final = 60
"""Presses of an arrow until a card or an option counts as out of reach."""
_HAS_FOCUS: Final = "each => each === document.activeElement"
_TABS_AWAY: Final = """each => {
  // How many presses of Tab lie ahead, or, below nought, of Shift+Tab; as far as it can be seen.
  // null if it is gone.
  if (!each.isConnected) return null;
  const here = document.activeElement;
  if (each === here) return 0;
  const start = here === null || here === document.body ? document.documentElement : here;
  const isAfter = (one, other) =>
    !!(one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING);
  const ahead = isAfter(start, each);
  const [from, to] = ahead ? [start, each] : [each, start];
  const stops = "a[href], button, input, select, textarea, summary, [tabindex]";
  const between = [...document.querySelectorAll(stops)].filter(one =>
    one.tabIndex >= 0 && !one.disabled && isAfter(from, one) && isAfter(one, to)
    && (one.type !== "radio" || one.checked)
    && one.checkVisibility({ visibilityProperty: true }));
  return (between.length + 1) * (ahead ? 1 : -1);
}"""
_COUNT_POINTERS: Final = """
window.pointers = 0;
for (const kind of ["pointerdown", "mousedown", "touchstart"])
  addEventListener(kind, event => { if (event.isTrusted) window.pointers += 1; }, true);
"""
_REGION: Final = """each => {
  if (each === null || each.closest("#builder-graph")) return each && "graph";
  return each.closest("#builder-side") && "side";
}"""
"""The part of the builder in which something stands, of those that F6 leads to."""
_REGION_HERE: Final = f"() => ({_REGION})(document.activeElement) || null"
_WHERE: Final = f"""each => [
  ({_REGION})(each) || null, each.tabIndex < 0 && each.closest('[data-roving]') !== null
]"""
"""The part in which something stands, and whether it is one of those that arrows lead to."""
_FOCUSED_CARD: Final = "() => document.activeElement?.getAttribute('data-card') ?? null"
_EMPTY_PLACE: Final = """() => {
  const pane = document.querySelector(".react-flow__pane");
  const { left, top, width, height } = pane.getBoundingClientRect();
  for (let y = top + 10; y < top + height; y += 40)
    for (let x = left + 10; x < left + width; x += 40)
      if (document.elementFromPoint(x, y) === pane) return [x, y];
}"""
_RESTS: Final = """each => new Promise(rests => {
  // Where it stands once it has been there for some frames and a tenth of a second: a movement
  // begins a little late. null if it is gone by then.
  let before = "", frames = 0, since = 0;
  const look = () => {
    const { x, y, width, height } = each.getBoundingClientRect();
    const place = JSON.stringify([x, y, width, height]);
    if (place !== before) [before, frames, since] = [place, 0, performance.now()];
    frames += 1;
    if (!each.isConnected) rests(null);
    else if (frames > 4 && performance.now() - since > 100) rests({ x, y, width, height });
    else requestAnimationFrame(look);
  };
  look();
})"""
_CHOSEN: Final = "each => each.selectedOptions[0]?.text"
_IS_SELECT: Final = "each => each.tagName === 'SELECT'"


def _named(step: str) -> re.Pattern[str]:
    """What the search says of a step: its kind, its name, and what it does."""
    return re.compile(rf"· {re.escape(step)}(:|$)")


def _file(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "text/csv", "buffer": content}


def card(page: Page, key: str) -> Locator:
    """A card of the graph by its key."""
    return page.locator(f'[data-card="{key}"]')


class Hands(Protocol):
    """What a person does in the builder."""

    page: Page

    async def insert(self, kind: str, below: str) -> None:
        """Insert a step of a kind, by its name in the palette, below a card."""

    async def choose(self, key: str) -> None:
        """Choose a card, so that its settings are shown."""

    async def leave(self) -> None:
        """Choose no card, so that the settings of the journey itself are shown."""

    async def press(self, what: Locator) -> None:
        """Press a button, a link or an item of a menu."""

    async def switch(self, choice: Locator) -> None:
        """Choose one of several that stand side by side."""

    async def take(self, item: Locator) -> None:
        """Take an item of the menu that is open."""

    async def write(self, field: Locator, text: str) -> None:
        """Write a text into a field, in the place of the one that is there."""

    async def pick(self, field: Locator, option: str) -> None:
        """Pick one of the options of a field."""

    async def upload(self, button: Locator, name: str, content: bytes) -> None:
        """Choose a file of one's own."""


class Pointer:
    """A mouse; texts alone are typed."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def insert(self, kind: str, below: str) -> None:
        palette = self.page.get_by_role("region", name="Steps")
        await drag(self.page, palette.get_by_role("button", name=kind, exact=True), below)

    async def choose(self, key: str) -> None:
        if await card(self.page, key).count() == 0:
            # Cards that are far away are not drawn: the search leads to them.
            name = key.removeprefix("step:")
            await self.page.get_by_role("combobox", name="Find a step").fill(name)
            await self.page.get_by_role("option").filter(has_text=_named(name)).first.click()
        wanted = card(self.page, key)

        async def is_chosen() -> bool:
            # What is clicked while the graph moves is what lies there then.
            await _resting(wanted)
            await wanted.click()
            try:
                await expect(wanted).to_have_attribute("aria-current", "true", timeout=2_000)
            except AssertionError:
                return False
            return True

        await eventually(is_chosen, 20, what=f"{key} is chosen")

    async def leave(self) -> None:
        x, y = await self.page.evaluate(_EMPTY_PLACE)
        await self.page.mouse.click(x, y)

    async def press(self, what: Locator) -> None:
        await what.click()

    async def switch(self, choice: Locator) -> None:
        await choice.locator("xpath=following-sibling::label").first.click()

    async def take(self, item: Locator) -> None:
        await item.click()

    async def write(self, field: Locator, text: str) -> None:
        await field.click()
        await field.fill(text)
        # A list of names that opens lies over what is below: one of them is taken, or none.
        if await field.get_attribute("aria-expanded") == "true":
            option = self.page.get_by_role("listbox").get_by_role("option", name=text, exact=True)
            await option.or_(field).last.click()

    async def pick(self, field: Locator, option: str) -> None:
        if await field.evaluate(_IS_SELECT):
            await field.select_option(option)
            return
        await field.click()
        await self.page.get_by_role("option", name=option, exact=True).click()

    async def upload(self, button: Locator, name: str, content: bytes) -> None:
        async with self.page.expect_file_chooser() as chooser:
            await button.click()
        await (await chooser.value).set_files(_file(name, content))


async def drag(page: Page, what: Locator, below: str) -> None:
    """Drag something into the place below a card."""
    start, end = await _resting(what), await _resting(card(page, below))
    await page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    await page.mouse.down()
    x, y = end["x"] + end["width"] / 2, end["y"] + end["height"] + 12
    await page.mouse.move(x, y, steps=4)
    await expect(page.locator("[data-target]")).to_have_count(1)
    await page.mouse.up()


async def _resting(what: Locator) -> FloatRect:
    """Where something stands, once the graph has moved to where it is."""
    box: FloatRect | None = None
    while box is None:
        box = await what.evaluate(_RESTS)
    return box


class Keyboard:
    """Keys alone: Tab from part to part, F6 from the graph to the settings, arrows in groups."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.presses: list[tuple[int, str]] = []
        """How many keys led to each field of the builder's settings, and to which."""

    @classmethod
    async def at(cls, page: Page) -> Keyboard:
        """Keys on a page that counts what a pointer does."""
        await page.add_init_script(_COUNT_POINTERS)
        await page.evaluate(_COUNT_POINTERS)
        return cls(page)

    async def reach(self, wanted: Locator) -> None:
        """Go to a part of the page, as somebody does who knows the keys."""
        # It is looked for once: to find something by its role is dear.
        there = await wanted.element_handle()
        region, behind_a_stop = await there.evaluate(_WHERE)
        pressed = 0 if region is None else await self._switch_to(region)
        if behind_a_stop:
            group = wanted.locator("xpath=ancestor::*[@data-roving][1]")
            stop = group.locator("button:enabled:not([tabindex='-1'])")
            pressed += await self._tab_to(stop, await stop.element_handle())
            while not await wanted.evaluate(_HAS_FOCUS):
                assert pressed <= MOST_TABS, f"{wanted} is not reached by arrows"
                await self.page.keyboard.press("ArrowDown")
                pressed += 1
        else:
            pressed += await self._tab_to(wanted, there)
        if region == "side":
            self.presses.append((pressed, str(wanted)))

    async def _switch_to(self, region: str) -> int:
        """Go to a part of the builder by F6; how often it was pressed."""
        pressed = 0
        while (here := await self.page.evaluate(_REGION_HERE)) != region:
            await self.page.keyboard.press("F6")
            pressed += 1
            assert pressed <= 3, f"F6 does not lead to {region}"

            async def left(before: str | None = here) -> bool:
                return bool(await self.page.evaluate(_REGION_HERE) != before)

            await eventually(left, 10, every=0.01, what=f"F6 leads on from {here}")
        return pressed

    async def _tab_to(self, wanted: Locator, there: ElementHandle) -> int:
        """Go somewhere by Tab, the shorter way round; how often it was pressed."""
        pressed = 0
        while (away := await there.evaluate(_TABS_AWAY)) != 0:
            if away is None:
                # Another one is in its place.
                there = await wanted.element_handle()
                continue
            # Not all can be seen ahead: near the end each press is looked at.
            for _ in range(max(1, abs(away) - 1) if pressed < MOST_TABS // 2 else 1):
                await self.page.keyboard.press("Tab" if away > 0 else "Shift+Tab")
                pressed += 1
            assert pressed <= MOST_TABS, f"{wanted} is not reached by Tab"
        return pressed

    async def insert(self, kind: str, below: str) -> None:
        await self.choose(below)
        await self.reach(card(self.page, below))
        await self.page.keyboard.press("+")
        dialog = self.page.get_by_role("dialog", name="Choose a step to insert")
        await self.press(dialog.get_by_role("button", name=kind).first)
        await expect(dialog).to_be_hidden()
        # What was inserted is chosen, and has the focus.
        await expect(self.page.locator("[data-card][data-selected]")).to_be_focused()

    async def choose(self, key: str) -> None:
        chosen = card(self.page, key)
        if await self.page.locator(f'[data-card="{key}"][data-selected]').count() > 0:
            return
        step, _, way = key.partition("/")
        if step.startswith("step:"):
            await self._find(step)
        if way:
            await self._arrow("ArrowRight", key)
        elif not step.startswith("step:"):
            await self.reach(self.page.locator("[data-card][tabindex='0']"))
            await self._arrow("ArrowUp" if key == "entry" else "ArrowDown", key)
        if await chosen.get_attribute("data-selected") is None:
            await self.page.keyboard.press("Space")
        await expect(chosen).to_have_attribute("data-selected", "true")

    async def _find(self, step: str) -> None:
        """By the search above the graph, which leads to any step."""
        if await self._focused() == step:
            return
        name = step.removeprefix("step:").rpartition(":")[2]
        search = self.page.get_by_role("combobox", name="Find a step")

        async def is_there() -> bool:
            # While the page is exchanged, as after publishing, the key leads nowhere.
            await self.page.keyboard.press("Control+f")
            return bool(await search.count() and await search.evaluate(_HAS_FOCUS))

        await eventually(is_there, 15, every=0.1, what="the search of the graph")
        await self.page.keyboard.insert_text(name)
        # The list has the words of cards: their kind, their name, and what they do.
        wanted = self.page.get_by_role("option").filter(has_text=_named(name))
        await self._take(wanted, chosen="aria-selected")
        await expect(card(self.page, step)).to_have_attribute("data-selected", "true")
        await expect(card(self.page, step)).to_be_focused()

    async def _arrow(self, arrow: str, key: str) -> None:
        for _ in range(MOST_ARROWS):
            if await self._focused() == key:
                return
            await self.page.keyboard.press(arrow)
            await self.page.wait_for_timeout(20)
        raise AssertionError(f"{key} is not reached by {arrow}")

    async def _focused(self) -> str | None:
        key: str | None = await self.page.evaluate(_FOCUSED_CARD)
        return key

    async def _take(self, wanted: Locator, chosen: str = "data-combobox-selected") -> None:
        """Go through the options of a list that is open, and take one."""
        await expect(wanted).to_be_visible()
        for _ in range(MOST_ARROWS):
            if await wanted.get_attribute(chosen) == "true":
                await self.page.keyboard.press("Enter")
                return
            await self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{wanted} is not reached by ArrowDown")

    async def leave(self) -> None:
        await self.reach(self.page.locator("[data-card][tabindex='0']"))
        await self.page.keyboard.press("Escape")

    async def press(self, what: Locator) -> None:
        # What cannot be pressed yet is passed over by Tab.
        await expect(what).to_be_enabled()
        await self.reach(what)
        await self.page.keyboard.press("Enter")

    async def switch(self, choice: Locator) -> None:
        group = choice.locator("xpath=ancestor::*[@role='radiogroup'][1]")
        await self.reach(group.locator("input:checked"))
        for _ in range(MOST_ARROWS):
            if await choice.is_checked():
                return
            await self.page.keyboard.press("ArrowRight")
        raise AssertionError(f"{choice} is not reached by ArrowRight")

    async def take(self, item: Locator) -> None:
        await expect(item).to_be_visible()
        await expect(
            self.page.locator("[role=menu]:focus-within, [role=menu]:focus")
        ).to_be_visible()
        for _ in range(MOST_ARROWS):
            if await item.evaluate(_HAS_FOCUS):
                await self.page.keyboard.press("Enter")
                return
            await self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{item} is not reached by ArrowDown")

    async def write(self, field: Locator, text: str) -> None:
        await self.reach(field)
        await self.page.keyboard.press("Control+a")
        await self.page.keyboard.press("Delete")
        await self.page.keyboard.insert_text(text)

    async def pick(self, field: Locator, option: str) -> None:
        await self.reach(field)
        if await field.evaluate(_IS_SELECT):
            # Typing what is chosen already would lead on to the next one that begins so.
            if await field.evaluate(_CHOSEN) != option:
                await self.page.keyboard.type(option)
            return
        await self.page.keyboard.press("ArrowDown")
        await self._take(self.page.get_by_role("option", name=option, exact=True))

    async def upload(self, button: Locator, name: str, content: bytes) -> None:
        async with self.page.expect_file_chooser() as chooser:
            await self.press(button)
        await (await chooser.value).set_files(_file(name, content))

    async def pointers(self) -> int:
        """How often a pointer did something."""
        counted: int = await self.page.evaluate("window.pointers")
        return counted
