"""What validates can be true, and can be false, for some contact; or validation says why not."""

from itertools import count
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from journeys.checks.references import KnownKeys
from journeys.checks.validation import validate
from journeys.model.journey import Journey
from store.conditions import compile_condition, evaluate
from tests.support.satisfying import FIELDS, OUTCOMES, World, world_of
from tests.support.situations import CONDITION

Pool = AsyncConnectionPool[AsyncConnection[Any]]

STEPS: list[dict[str, Any]] = [
    {"id": "rest", "wait": "1d"},
    {"id": "heard", "wait": {"event": "Heard", "up_to": "1d"}},
    {"id": "ask", "webhook": {"url": "https://crm.example/x"}},
    {"id": "mail", "email": {"subject": "s", "text": "t", "transactional": True}},
    {
        "id": "way",
        "branch": [
            {"if": {"group": "g"}, "then": []},
            {"name": "big", "if": {"group": "h"}, "then": []},
        ],
    },
]
KNOWN = KnownKeys(topics=frozenset({"offers"}))

BESIDE_TIMES = {"before", "after", "exists", "is_not", "not_in"}

texts = st.sampled_from(["", "a", "ab", "b", "ba", "FR", "fr", "1"])
numbers = st.sampled_from([-1, 0, 1, 1.5, 2, 3])
scalars = st.one_of(texts, texts, numbers, numbers, st.booleans())


_names = count()


def _own(prefix: str) -> str:
    """A name of something that no other part of a condition is about."""
    return f"{prefix}{next(_names)}"


@st.composite
def operators(draw: st.DrawFn, words: st.SearchStrategy[Any] | None = None) -> dict[str, Any]:
    """One or two operators over the small world's values; `words` are those of a field."""
    likely = scalars if words is None else words
    asked: dict[str, Any] = {}
    for word in draw(
        st.lists(
            st.sampled_from(
                ["is", "is_not", "in", "not_in", "gt", "gte", "lt", "lte", "contains",
                 "starts_with", "ends_with", "exists", "before", "after", "any", "is", "in"]
            ),
            min_size=1, max_size=3, unique=True,
        )
    ):  # fmt: skip
        if {"before", "after"} & asked.keys() and word not in BESIDE_TIMES:
            continue
        if word in ("in", "not_in"):
            asked[word] = draw(st.lists(likely, max_size=3))
        elif word == "exists":
            asked[word] = draw(st.booleans())
        elif word in ("before", "after"):
            # Which other values are times is left to other tests.
            if not asked.keys() <= BESIDE_TIMES:
                continue
            asked[word] = draw(st.sampled_from(["+3d", "-3d", "+7d", "-7d"]))
        elif word == "any":
            asked[word] = {"p": draw(_inner)}
        elif word in ("is", "gt", "lte") and draw(st.integers(0, 5)) == 0:
            asked[word] = {"entry": _own("r")}
        else:
            asked[word] = draw(likely)
    return asked


_inner = st.one_of(
    st.fixed_dictionaries({"is": scalars}),
    st.fixed_dictionaries({"gt": numbers, "lt": numbers}),
    st.fixed_dictionaries({"starts_with": texts, "is_not": scalars}),
)
_of_fields = {
    "country": st.sampled_from(["FR", "BE", "fr", "F", "R", "France"]),
    "timezone": st.sampled_from(["Europe/Paris", "Europe/", "Mars", "UTC"]),
    "locale": st.sampled_from(["fr", "fr-FR", "french", "de", "-"]),
    "phone": st.sampled_from(["+33612345678", "+33", "06", "5678", "06 12"]),
    "email": st.sampled_from(["ada@example.com", "ada@EXAMPLE.com", "@", "@x.fr", ".com", "A"]),
    "lifecycle": st.sampled_from(["lead", "customer", "a", ""]),
    "score": numbers,
}


@st.composite
def leaves(draw: st.DrawFn) -> dict[str, Any]:
    match draw(st.sampled_from(["attribute", "field", "entry", "event", "step", "other"])):
        case "attribute":
            return {"attribute": _own("a"), **draw(operators())}
        case "entry":
            return {"entry": _own("e"), **draw(operators())}
        case "field":
            name = draw(st.sampled_from(sorted(FIELDS)))
            return {"attribute": name, **draw(operators(_of_fields[name]))}
        case "event":
            return draw(events())
        case "step":
            step = draw(st.sampled_from(sorted(OUTCOMES)))
            path = draw(st.sampled_from([None, None, "visits", "own"]))
            if path == "own":
                path = {"heard": "event.p", "ask": "status"}.get(step)
            words = texts if path == "event.p" else numbers if path else None
            known = st.sampled_from([*OUTCOMES[step], "skipped", "1"])
            return {
                "step": step,
                **({"property": path} if path else {}),
                **draw(operators(words if path else known)),
            }
        case _:
            return draw(
                st.sampled_from(
                    [
                        {"group": "vip"},
                        {"topic": "offers", "is": "subscribed"},
                        {"message": "mail", "is": "clicked"},
                        {"near": {"lat": 48.0, "lon": 2.0, "km": 1.0}},
                    ]
                )
            )


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    found: dict[str, Any] = {"event": _own("Event ")}
    if draw(st.booleans()):
        asked = st.one_of(operators(), st.lists(scalars, max_size=2), scalars)
        found["where"] = {
            "p": draw(asked),
            **({"q": draw(operators())} if draw(st.booleans()) else {}),
        }
    measure = draw(st.sampled_from([None, "count", "many", "sum", "avg", "min", "max"]))
    if measure == "count":
        found["count"] = draw(st.integers(0, 3))
    elif measure == "many":
        found["count"] = draw(operators(numbers))
    elif measure is not None:
        found[measure] = {"n": draw(operators(numbers))}
    spans = st.sampled_from(["3d", "7d", "30d"])
    for word in draw(
        st.lists(st.sampled_from(["within", "since", "before"]), max_size=2, unique=True)
    ):
        found[word] = draw(spans) if word == "within" else f"-{draw(spans)}"
    return found


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    """A leaf, its negation, or several of them together, each about something else."""
    form = draw(st.sampled_from(["leaf", "leaf", "not", "all", "any", "not all", "not any"]))
    if form == "leaf":
        return draw(leaves())
    if form == "not":
        return {"not": draw(leaves())}
    parts = draw(st.lists(leaves(), min_size=1, max_size=3, unique_by=_about))
    parts = [{"not": part} if draw(st.integers(0, 3)) == 0 else part for part in parts]
    several = {form.split()[-1]: parts}
    return {"not": several} if form.startswith("not") else several


def _about(leaf: dict[str, Any]) -> str:
    [subject] = [
        str(leaf[key])
        for key in ("attribute", "entry", "event", "step", "group", "topic", "message", "near")
        if key in leaf
    ]
    # A message's step has a visit, which a condition on steps may be about as well.
    return "mail" if "message" in leaf else subject


def problems(condition: dict[str, Any]) -> list[str]:
    """What validation, or the reading before it, says of a condition in a journey."""
    steps = [*STEPS, {"id": "it", "if": condition, "group": {"add": ["x"]}}]
    document = {"journey": "j", "entry": {"event": "X"}, "steps": steps}
    try:
        journey = Journey.model_validate(document)
    except ValueError as error:
        return [str(error)]
    return [str(problem) for problem in validate(journey, KNOWN)]


async def write(conn: AsyncConnection[Any], worlds: list[World]) -> list[UUID]:
    """Write worlds as contacts with runs; the runs."""
    runs = [uuid4() for _ in worlds]
    contacts = [uuid4() for _ in worlds]
    zip_ = list(zip(worlds, runs, contacts, strict=True))
    cursor = conn.cursor()
    names = ["id", "attributes", *FIELDS]
    await cursor.executemany(
        f"insert into contact ({', '.join(names)}) values ({', '.join(['%s'] * len(names))})",
        [
            (
                c,
                Jsonb(w.attributes),
                *(w.fields.get(f, 0.0 if f == "score" else None) for f in FIELDS),
            )
            for w, _, c in zip_
        ],
    )
    await cursor.executemany(
        "insert into run (id, journey, version, contact_id, entry, entry_ref, ref)"
        " values (%s, 'j', 1, %s, %s, 0, 0)",
        [(r, c, Jsonb(w.entry)) for w, r, c in zip_],
    )
    await cursor.executemany(
        "insert into event (contact_id, name, properties, message_id, stamped_at)"
        " values (%s, %s, %s, %s, parcours.clock() - %s)",
        [(c, name, Jsonb(p), str(uuid4()), age) for w, _, c in zip_ for name, p, age in w.events],
    )
    await cursor.executemany(
        "insert into visit (run_id, visit, step, kind, outcome, output)"
        " values (%s, %s, %s, 'wait', %s, %s)",
        [(r, n, s, o, Jsonb(out)) for w, r, _ in zip_ for n, (s, o, out) in enumerate(w.visits, 1)],
    )
    await cursor.executemany(
        "insert into message (id, run_id, visit, step, contact_id, channel, state, token,"
        " clicked_at) values (%s, %s, 99, %s, %s, 'email', 'sent', '', parcours.clock())",
        [(uuid4(), r, step, c) for w, r, c in zip_ for step in w.clicked],
    )
    await cursor.executemany(
        "insert into group_member (contact_id, group_key) values (%s, %s)",
        [(c, group) for w, _, c in zip_ for group in w.groups],
    )
    await cursor.executemany(
        "insert into topic_state (contact_id, topic, state) values (%s, %s, %s)",
        [(c, topic, state) for w, _, c in zip_ for topic, state in w.topics.items()],
    )
    return runs


@given(drawn=st.lists(conditions(), min_size=40, max_size=40))
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
async def test_what_validates_can_be_true(pool: Pool, drawn: list[dict[str, Any]]) -> None:
    possible = [condition for condition in drawn if not problems(condition)]
    worlds = [world_of(condition) for condition in possible]
    # Validation said nothing, so there is a contact for which the condition is true.
    assert [
        condition for condition, world in zip(possible, worlds, strict=True) if world is None
    ] == []
    async with pool.connection() as conn, conn.transaction(force_rollback=True):
        runs = await write(conn, [world for world in worlds if world is not None])
        false = []
        for run, condition in zip(runs, possible, strict=True):
            predicate = compile_condition(CONDITION.validate_python(condition))
            [verdict] = await evaluate(conn, run, [predicate])
            if not verdict.holds:
                false.append(condition)
    assert false == []


@given(drawn=st.lists(leaves(), min_size=60, max_size=60))
@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_an_error_is_said_only_of_what_can_never_hold(drawn: list[dict[str, Any]]) -> None:
    for condition in drawn:
        said = [each for each in problems(condition) if "warning" not in each]
        # Each of these is a mistake, although something may hold: a number is a time in 1970, no
        # event is counted 0 times, an outcome that a step never has is none, and the other elements
        # of a list are left.
        mild = ("a time", "nothing is", "never ends")
        never = [each for each in said if not any(words in each for words in mild)]
        if (
            never
            and "where" not in condition
            and not any("in" in part for part in _parts(condition))
        ):
            assert world_of(condition) is None, (condition, never)


def _parts(condition: dict[str, Any]) -> list[dict[str, Any]]:
    """The condition and every mapping inside it."""
    found = [condition]
    for value in condition.values():
        if isinstance(value, dict):
            found += _parts(value)
        elif isinstance(value, list):
            found.append({"in": value})
    return found
