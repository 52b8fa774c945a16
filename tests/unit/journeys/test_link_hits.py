"""Who followed a link: signs of requests, networks of scanners, and the verdicts."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.links.classification import Hit, Verdict, classify
from journeys.links.networks import SCANNERS, Networks
from journeys.links.signs import Sign, signs_of
from journeys.links.tokens import LinkKind

CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/142.0.0.0 Safari/537.36"
)
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
YAHOO = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"
SENT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NOWHERE = Networks([])


@pytest.mark.parametrize(
    ("kind", "agent", "expected"),
    [
        ("click", CHROME, []),
        ("open", CHROME, []),
        ("open", GMAIL, ["proxy"]),
        ("open", YAHOO, ["proxy"]),
        ("open", "Mozilla/5.0", ["apple"]),
        ("click", GMAIL, ["robot"]),
        ("click", "Mozilla/5.0", ["agent"]),
        ("click", "", ["agent"]),
        ("click", "curl/8.5.0", ["robot"]),
        ("click", "python-requests/2.32", ["robot"]),
        (
            "view",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            ["robot"],
        ),
        ("open", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15", []),
    ],
)
def test_an_agent_says_what_it_is(kind: LinkKind, agent: str, expected: list[Sign]) -> None:
    found = signs_of(
        kind, method="GET", agent=agent, prefetched=False, address="192.0.2.1", scanners=NOWHERE
    )
    assert found == expected


def test_method_prefetch_and_address_are_signs_too() -> None:
    found = signs_of(
        "click",
        method="HEAD",
        agent=CHROME,
        prefetched=True,
        address="192.0.2.77",
        scanners=Networks(["192.0.2.64/26"]),
    )
    assert found == ["head", "prefetch", "scanner"]


def test_networks_hold_their_addresses_alone() -> None:
    networks = Networks(["10.0.0.0/8", "10.1.0.0/16", "192.0.2.4", "2001:db8::/32"])
    for address in ("10.0.0.0", "10.255.255.255", "192.0.2.4", "2001:db8::1", "::ffff:10.2.3.4"):
        assert address in networks
    for address in ("9.255.255.255", "11.0.0.0", "192.0.2.5", "2001:db9::", "unix", ""):
        assert address not in networks


def test_the_file_of_scanners_can_be_edited(tmp_path: Path) -> None:
    assert "40.92.0.1" in Networks.read(SCANNERS)
    own = tmp_path / "scanners.txt"
    own.write_text("# ours\n\n203.0.113.0/24  # gateway\n")
    assert "203.0.113.9" in Networks.read(own)
    own.write_text("203.0.113.0/24\nsomewhere\n")
    with pytest.raises(ValueError, match="line 2: 'somewhere' is no network"):
        Networks.read(own)


# ------------------------------------------------------------------ verdicts


def hit(
    seconds: float,
    url: str | None = "a",
    kind: LinkKind = "click",
    client: str = "me",
    *signs: Sign,
) -> Hit:
    at = SENT + timedelta(seconds=seconds)
    return Hit(uuid4(), kind, url, at, client, frozenset(signs))


def judged(*hits: Hit) -> list[tuple[str, tuple[str, ...]]]:
    verdicts = classify(hits, SENT - timedelta(seconds=1), SENT)
    return [(verdicts[each.id].by, verdicts[each.id].reasons) for each in hits]


HUMAN: Any = ("human", ())


@pytest.mark.parametrize(
    ("hits", "expected"),
    [
        # A reader.
        ([hit(5)], [HUMAN]),
        ([hit(5), hit(60, "b"), hit(65, "c")], [HUMAN] * 3),
        ([hit(5), hit(7, "b")], [HUMAN] * 2),
        ([hit(5, None, "open"), hit(5.2)], [HUMAN] * 2),
        ([hit(2)], [HUMAN]),
        ([hit(5), hit(5.1)], [HUMAN] * 2),
        # Sooner than a reader could; before the sending it is of an earlier attempt.
        ([hit(1.9)], [("machine", ("too_soon",))]),
        ([hit(-0.5)], [("machine", ("too_soon",))]),
        ([hit(-60)], [HUMAN]),
        ([hit(1, None, "open")], [("machine", ("too_soon",))]),
        # Several links at once: two within a second, three within three.
        ([hit(9), hit(10, "b")], [("machine", ("several_links",))] * 2),
        ([hit(9), hit(9, "b", "unsubscribe")], [("machine", ("several_links",))] * 2),
        ([hit(9), hit(10.5, "b"), hit(12, "c")], [("machine", ("several_links",))] * 3),
        ([hit(9), hit(10.5, "b"), hit(12.1, "c")], [HUMAN] * 3),
        # Their client stays a machine for a minute; another client does not become one.
        (
            [hit(9), hit(9, "b"), hit(60, "c"), hit(61, "c", "click", "you"), hit(75, "d")],
            [("machine", ("several_links",))] * 2 + [("machine", ("same_client",)), HUMAN, HUMAN],
        ),
        # The hidden link, HEAD and robots: all that their client does, before and after.
        (
            [hit(9), hit(30, None, "hidden"), hit(500, "b")],
            [
                ("machine", ("same_client",)),
                ("machine", ("hidden_link",)),
                ("machine", ("same_client",)),
            ],
        ),
        (
            [hit(9, "a", "click", "me", "head"), hit(9.5)],
            [("machine", ("head",)), ("machine", ("same_client",))],
        ),
        ([hit(9, "a", "click", "me", "robot")], [("machine", ("robot",))]),
        ([hit(9, "a", "click", "me", "scanner")], [("machine", ("scanner",))]),
        # What a robot follows says nothing of a reader who comes at the same time.
        (
            [hit(9, "a", "click", "bot", "robot"), hit(9.1, "b")],
            [("machine", ("robot",)), HUMAN],
        ),
        (
            [hit(9, None, "hidden", "bot"), hit(9.1, "b")],
            [("machine", ("hidden_link", "several_links")), ("machine", ("several_links",))],
        ),
        # A browser that fetches ahead is followed by its reader.
        (
            [hit(9, "a", "click", "me", "prefetch"), hit(12)],
            [("machine", ("prefetch",)), HUMAN],
        ),
        # Images that are fetched for a person.
        ([hit(0.1, None, "open", "p", "proxy")], [("unknown", ("image_proxy",))]),
        ([hit(9, None, "open", "p", "apple")], [("unknown", ("apple",))]),
        ([hit(9, None, "open", "p", "proxy", "head")], [("machine", ("head",))]),
        ([hit(9, None, "open", "p", "robot")], [("machine", ("robot",))]),
    ],
)
def test_a_hit_is_held_to_be_made_by(hits: list[Hit], expected: list[Any]) -> None:
    assert judged(*hits) == expected


def test_a_second_hit_on_the_same_link_is_the_same_click_again() -> None:
    hits = [hit(9), hit(9.4), hit(12), hit(20), hit(20.1, "a", "click", "you")]
    verdicts = classify(hits, SENT, SENT)
    assert [verdicts[each.id].again for each in hits] == [False, True, True, False, False]


SIGNS = st.frozensets(
    st.sampled_from(["head", "prefetch", "robot", "proxy", "scanner"]), max_size=1
)
HITS = st.lists(
    st.builds(
        Hit,
        st.uuids(),
        st.sampled_from(["click", "click", "open", "hidden", "view"]),
        st.sampled_from(["a", "b", "c"]),
        st.integers(-30, 1200).map(lambda tenths: SENT + timedelta(seconds=tenths / 10)),
        st.sampled_from(["me", "you"]),
        SIGNS,
    ),
    max_size=12,
    unique_by=lambda each: each.id,
)


@given(HITS, st.randoms())
def test_the_order_of_hits_does_not_matter(hits: list[Hit], randomness: random.Random) -> None:
    shuffled = randomness.sample(hits, len(hits))
    assert classify(shuffled, SENT, SENT) == classify(hits, SENT, SENT)


@given(HITS, st.data())
def test_more_hits_never_make_a_machine_a_person(hits: list[Hit], data: st.DataObject) -> None:
    """What is seen later can only add to the reasons of what was judged before."""
    some = data.draw(
        st.lists(st.sampled_from(hits), unique_by=lambda each: each.id) if hits else st.just([])
    )
    before, after = classify(some, SENT, SENT), classify(hits, SENT, SENT)
    for each in some:
        if before[each.id].by == "machine":
            assert after[each.id].by == "machine"


@given(st.integers(2, 30), st.floats(2, 10_000), st.floats(0, 1))
def test_a_scanner_that_follows_all_links_at_once_is_a_machine(
    links: int, after: float, within: float
) -> None:
    hits = [hit(after + within * number / links, f"link {number}") for number in range(links)]
    hits += [hit(after + within, None, "open")]
    assert {by for by, _ in judged(*hits)} == {"machine"}


@given(st.floats(5, 1e6), st.booleans())
def test_a_click_five_seconds_after_delivery_is_a_persons(after: float, opened: bool) -> None:
    hits = [hit(after)] + ([hit(after - 1, None, "open")] if opened else [])
    assert [by for by, _ in judged(*hits)] == ["human"] * len(hits)


def test_many_hits_take_a_moment() -> None:
    hits = [hit(number / 1000, f"{number}") for number in range(20_000)]
    begun = datetime.now(UTC)
    assert {each.by for each in classify(hits, SENT, SENT).values()} == {"machine"}
    assert datetime.now(UTC) - begun < timedelta(seconds=5)


def test_nothing_is_judged_without_hits() -> None:
    found: dict[UUID, Verdict] = classify([], SENT, SENT)
    assert found == {}
