"""Times and values of a contact's timeline and of the page of its export, as people read them."""

from datetime import UTC, datetime
from typing import Any

from api.contacts.person_page import page_row
from api.contacts.timeline_sentences import sentence_of
from store.timeline.timeline import ItemType, TimelineItem

AT = datetime(2026, 11, 30, 6, tzinfo=UTC)


def sentence(item: ItemType, **details: Any) -> str:
    return sentence_of(TimelineItem(AT, item, (AT, 0, 0), details, None))  # type: ignore[arg-type]


def test_values_are_in_words_and_times_to_the_second() -> None:
    changes = {"restricted": [None, True], "tags": [None, ["a", None]], "n": [False, 1]}
    assert sentence("change", name="Contact Changed", properties={"changes": changes}) == (
        'restricted was set to yes, tags was set to ["a", null], n was changed from no to 1'
    )
    stands = {"step": "s", "journey": "j", "outcome": None, "kind": "wait", "held": None}
    due = "2026-12-02T08:04:20.002421+02:00"
    assert sentence("visit", **stands, due_at=due) == (
        "stands at s of j (wait, until 2026-12-02 06:04:20 UTC)"
    )
    assert sentence("visit", **stands, due_at="infinity").endswith("until infinity)")


def test_the_page_shows_times_of_columns_to_the_second_and_leaves_all_else() -> None:
    row = {
        "created_at": "2026-11-30T05:59:41.993025+00:00", "at": "infinity",
        "name": "2026-11-30T05:59:41+00:00",
    }  # fmt: skip
    page = page_row(row, True)
    assert "<dd>30 November 2026, 05:59:41</dd>" in page
    assert "<dd>infinity</dd>" in page
    assert "<dd>2026-11-30T05:59:41+00:00</dd>" in page
