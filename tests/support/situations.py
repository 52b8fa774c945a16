"""A contact with a past and a run, written row by row, of which conditions are asked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from pydantic import TypeAdapter

from journeys.model.conditions import Condition
from store.conditions import Evaluation, compile_condition, evaluate

CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)


class Situation:
    """One contact and one active run of it; `write_…` adds to its past, `judged` asks."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]]) -> None:
        self.pool = pool
        self.contact = uuid4()
        self.run = uuid4()

    async def execute(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        async with self.pool.connection() as conn:
            cursor = await conn.execute(statement.encode(), arguments or None)
            return await cursor.fetchall() if cursor.description else []

    async def write_contact(
        self, *, attributes: dict[str, Any] | None = None, **columns: Any
    ) -> None:
        names = ["id", "attributes", *columns]
        await self.execute(
            f"insert into contact ({', '.join(names)}) values ({', '.join(['%s'] * len(names))})",
            self.contact, Jsonb(attributes or {}), *columns.values(),
        )  # fmt: skip

    async def write_run(
        self,
        *,
        entry: dict[str, Any] | None = None,
        entry_event: int | None = None,
        entry_ref: int | None = None,
    ) -> None:
        ref = entry_ref if entry_ref is not None else (entry_event or 0)
        await self.execute(
            "insert into run (id, journey, version, contact_id, entry, entry_event_id, entry_ref,"
            " ref) values (%s, 'j', 1, %s, %s, %s, %s, %s)",
            self.run, self.contact, Jsonb(entry or {}), entry_event, ref, ref,
        )  # fmt: skip

    async def write_event(
        self,
        name: str,
        properties: dict[str, Any] | None = None,
        *,
        at: datetime | str | None = None,
        run: UUID | None = None,
        contact: UUID | None = None,
        client_at: datetime | None = None,
    ) -> int:
        """`at` is a time, or text as PostgreSQL adds it to now: `-3 days`."""
        stamp = "parcours.clock() + %s::interval" if isinstance(at, str) else "%s"
        if at is None:
            stamp, arguments = "parcours.clock()", []
        else:
            arguments = [at]
        rows = await self.execute(
            "insert into event (contact_id, name, properties, message_id, run_id, client_at,"
            f" stamped_at) values (%s, %s, %s, %s, %s, %s, {stamp}) returning id",
            contact or self.contact, name, Jsonb(properties or {}), str(uuid4()), run, client_at,
            *arguments,
        )  # fmt: skip
        return int(rows[0][0])

    async def write_visit(
        self,
        number: int,
        step: str,
        outcome: str | None,
        *,
        kind: str = "wait",
        output: dict[str, Any] | None = None,
        ended_at: datetime | None = None,
    ) -> None:
        await self.execute(
            "insert into visit (run_id, visit, step, kind, outcome, ended_at, output)"
            " values (%s, %s, %s, %s, %s, %s, %s)",
            self.run, number, step, kind, outcome, ended_at, Jsonb(output or {}),
        )  # fmt: skip

    async def write_message(
        self, visit: int, step: str, state: str = "sent", statuses: tuple[str, ...] = ()
    ) -> UUID:
        message = uuid4()
        names = [f"{status}_at" for status in statuses]
        await self.execute(
            "insert into message (id, run_id, visit, step, contact_id, channel, state, token"
            f"{''.join(f', {name}' for name in names)})"
            f" values (%s, %s, %s, %s, %s, 'email', %s, ''{', parcours.clock()' * len(names)})",
            message, self.run, visit, step, self.contact, state,
        )  # fmt: skip
        return message

    async def write_document(self, kind: str, key: str, document: dict[str, Any]) -> None:
        await self.execute(
            "insert into document (kind, key, document, source, sha256)"
            " values (%s, %s, %s, '', '')",
            kind, key, Jsonb(document),
        )  # fmt: skip

    async def judged(
        self,
        conditions: list[dict[str, Any]],
        *,
        default_zone: str = "UTC",
        segments: dict[str, dict[str, Any]] | None = None,
        judged_at: datetime | None = None,
    ) -> list[Evaluation]:
        """What the conditions, as a document writes them, say of the run, now or at an instant."""
        known = {key: CONDITION.validate_python(each) for key, each in (segments or {}).items()}
        predicates = [
            compile_condition(
                CONDITION.validate_python(condition),
                prefix=f"c{number}_",
                default_zone=default_zone,
                segments=known,
            )
            for number, condition in enumerate(conditions)
        ]
        async with self.pool.connection() as conn:
            judged = await evaluate(conn, self.run, predicates, judged_at)
            # The facts' way and the plain expression are one condition.
            params: dict[str, Any] = {"run": self.run}
            for predicate in predicates:
                params |= predicate.params
            params["judged_at"] = judged_at
            cursor = await conn.execute(
                f"select {', '.join(str(predicate.sql) for predicate in predicates)}"
                " from run r join contact c on c.id = r.contact_id where r.id = %(run)s".encode(),
                params,
            )
            row = await cursor.fetchone()
        assert row is not None
        assert list(row) == [each.holds for each in judged]
        return judged

    async def next_change(self, condition: dict[str, Any], judged_at: datetime) -> datetime | None:
        """The next instant at which time alone could change the verdict; None if it never does."""
        predicate = compile_condition(CONDITION.validate_python(condition))
        if predicate.next_change is None:
            return None
        async with self.pool.connection() as conn:
            cursor = await conn.execute(
                f"select nullif({predicate.next_change}, 'infinity')"
                " from run r join contact c on c.id = r.contact_id where r.id = %(run)s".encode(),
                {**predicate.params, "run": self.run, "judged_at": judged_at},
            )
            row = await cursor.fetchone()
        assert row is not None
        (found,) = row
        return found.astimezone(UTC) if isinstance(found, datetime) else None

    async def truths(self, conditions: list[dict[str, Any]], **options: Any) -> list[bool]:
        """Whether each holds."""
        return [judged.holds for judged in await self.judged(conditions, **options)]

    async def disagreements(
        self, expected: list[tuple[dict[str, Any], bool]], **options: Any
    ) -> list[tuple[dict[str, Any], bool]]:
        """Those of a truth table that PostgreSQL sees otherwise, with what it says."""
        answers = await self.truths([condition for condition, _ in expected], **options)
        return [
            (condition, answer)
            for (condition, truth), answer in zip(expected, answers, strict=True)
            if answer is not truth
        ]
