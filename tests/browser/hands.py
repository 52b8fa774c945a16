"""Two ways to use the builder: by pointer, dragging; and by keyboard, without one call of a mouse."""

from __future__ import annotations

from typing import Final, Protocol

from playwright.async_api import Locator, Page, expect

MOST_TABS: Final = 400
"""Presses of Tab until something counts as out of reach."""
_HAS_FOCUS: Final = "each => each === document.activeElement"
_STANDS_AFTER: Final = """each => document.activeElement === document.body
|| !!(document.activeElement.compareDocumentPosition(each) & Node.DOCUMENT_POSITION_FOLLOWING)"""
_COUNT_POINTERS: Final = """
window.pointers = 0;
for (const kind of ["pointerdown", "mousedown", "touchstart"])
  addEventListener(kind, event => { if (event.isTrusted) window.pointers += 1; }, true);
"""


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

    async def press(self, what: Locator) -> None:
        """Press a button, a link or an item of a menu."""

    async def write(self, field: Locator, text: str) -> None:
        """Write a text into a field, in the place of the one that is there."""

    async def pick(self, field: Locator, option: str) -> None:
        """Pick one of the options of a field."""


class Pointer:
    """A mouse; texts alone are typed."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def insert(self, kind: str, below: str) -> None:
        palette = self.page.get_by_role("region", name="Steps")
        await drag(self.page, palette.get_by_role("button", name=kind, exact=True), below)

    async def choose(self, key: str) -> None:
        await card(self.page, key).click()

    async def press(self, what: Locator) -> None:
        await what.click()

    async def write(self, field: Locator, text: str) -> None:
        await field.click()
        await field.fill(text)

    async def pick(self, field: Locator, option: str) -> None:
        await field.click()
        await self.page.get_by_role("option", name=option, exact=True).click()


async def drag(page: Page, what: Locator, below: str) -> None:
    """Drag something into the place below a card."""
    target = card(page, below)
    await target.scroll_into_view_if_needed()
    start, end = await what.bounding_box(), await target.bounding_box()
    assert start is not None
    assert end is not None
    await page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    await page.mouse.down()
    x, y = end["x"] + end["width"] / 2, end["y"] + end["height"] + 12
    await page.mouse.move(x, y, steps=4)
    await expect(page.locator("[data-target]")).to_have_count(1)
    await page.mouse.up()


class Keyboard:
    """Keys alone: Tab from part to part, arrows in the graph and in lists."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @classmethod
    async def at(cls, page: Page) -> Keyboard:
        """Keys on a page that counts what a pointer does; none may do anything."""
        await page.add_init_script(_COUNT_POINTERS)
        return cls(page)

    async def reach(self, wanted: Locator) -> None:
        """Go to a part of the page by Tab, the shorter way round."""
        await expect(wanted).to_be_visible()
        key = "Tab" if await wanted.evaluate(_STANDS_AFTER) else "Shift+Tab"
        for _ in range(MOST_TABS):
            if await wanted.evaluate(_HAS_FOCUS):
                return
            await self.page.keyboard.press(key)
        raise AssertionError(f"{wanted} is not reached by {key}")

    async def insert(self, kind: str, below: str) -> None:
        await self.choose(below)
        await self.page.keyboard.press("+")
        dialog = self.page.get_by_role("dialog")
        await self.press(dialog.get_by_role("button", name=kind))
        await expect(dialog).to_be_hidden()

    async def choose(self, key: str) -> None:
        """By arrows, from the card that is the current one; a search leads to far steps."""
        raise NotImplementedError

    async def press(self, what: Locator) -> None:
        await self.reach(what)
        await self.page.keyboard.press("Enter")

    async def write(self, field: Locator, text: str) -> None:
        await self.reach(field)
        await self.page.keyboard.press("Control+a")
        await self.page.keyboard.press("Delete")
        await self.page.keyboard.insert_text(text)

    async def pick(self, field: Locator, option: str) -> None:
        await self.reach(field)
        raise NotImplementedError

    async def pointers(self) -> int:
        """How often a pointer did something."""
        counted: int = await self.page.evaluate("window.pointers")
        return counted
