"""Coupons over HTTP: files imported whole or not at all, and pools counted."""

from __future__ import annotations

import gzip
from uuid import uuid4

import httpx
import pytest

from api.coupons.code_files import CODE_LENGTH
from store.coupons.pools import draw, redeem
from tests.integration.api.conftest import Pool, Rows

CSV = {"Content-Type": "text/csv"}
CODES = "select code from coupon where pool = %s order by id"


async def sent(
    client: httpx.AsyncClient, file: bytes, pool: str = "spring", **headers: str
) -> httpx.Response:
    return await client.post(f"/v1/coupons/{pool}", content=file, headers={**CSV, **headers})


async def test_codes_are_imported_in_order_and_counted(
    operate: httpx.AsyncClient, rows: Rows
) -> None:
    answer = await sent(operate, b"code\nC\nA\nB\n")
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "pool": "spring",
            "added": 3,
            "duplicates": 0,
            "refused": 0,
            "refusals": [],
            "dry_run": False,
        },
    )
    assert await rows(CODES, "spring") == [("C",), ("A",), ("B",)]
    counted = await operate.get("/v1/coupons/spring")
    assert counted.json() == {"pool": "spring", "total": 3, "drawn": 0, "redeemed": 0, "left": 3}


async def test_duplicates_are_counted_and_no_error(operate: httpx.AsyncClient, rows: Rows) -> None:
    assert (await sent(operate, b"code\nA\nB\nA\n")).json()["duplicates"] == 1
    again = (await sent(operate, b"code\nB\nC\n")).json()
    assert (again["added"], again["duplicates"]) == (1, 1)
    assert (await sent(operate, b"code\nA\n", "winter")).json()["added"] == 1
    assert await rows(CODES, "spring") == [("A",), ("B",), ("C",)]
    listed = (await operate.get("/v1/coupons")).json()
    assert [(each["pool"], each["total"]) for each in listed["items"]] == [
        ("spring", 3),
        ("winter", 1),
    ]
    assert listed["next"] is None
    page = (await operate.get("/v1/coupons?limit=1")).json()
    assert (page["items"][0]["pool"], page["next"]) == ("spring", "spring")
    rest = (await operate.get("/v1/coupons?limit=1&cursor=spring")).json()
    assert ([each["pool"] for each in rest["items"]], rest["next"]) == (["winter"], None)


@pytest.mark.parametrize(
    "file",
    [
        b"\xef\xbb\xbfcode\r\nA 1\r\n\xc3\x89T\xc3\x89\r\n",
        b"code\nA 1\n\xc3\x89T\xc3\x89",
        b"code\rA 1\r\xc3\x89T\xc3\x89\r",
        b'"value","Code"\n10,"A 1"\n20,"\xc3\x89T\xc3\x89"\n',
        b'code,note\nA 1,"two\nlines, one code"\n\xc3\x89T\xc3\x89,\n',
        b" code , value\n A 1 , 10\n\n\xc3\x89T\xc3\x89\n\n",
    ],
    ids=["bom-crlf", "no-last-line-end", "cr", "quoted", "quoted-line-ends", "spaces"],
)
async def test_files_as_people_have_them_are_read(
    operate: httpx.AsyncClient, rows: Rows, file: bytes
) -> None:
    answer = await sent(operate, file)
    assert answer.status_code == 200, answer.text
    assert await rows(CODES, "spring") == [("A 1",), ("ÉTÉ",)]


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        (b"", 1, "the file is empty"),
        (b"value\n10\n", 1, "no column is called `code`"),
        (b"code;value\nA;1\n", 1, "separated by commas: code;value"),
        (b"code,CODE\nA,B\n", 1, "two columns are called `code`"),
        (b"code\nA\n \nB\n", 3, "the code is empty"),
        (b"value,code\n10,A\n20\n", 3, "the code is empty"),
        (b"code\nA\n" + b"x" * (CODE_LENGTH + 1) + b"\n", 3, "201 characters; at most 200"),
        (b"code\nA\nB\xff\nC\n", 3, "not UTF-8"),
        (b"\xff\xfec\x00o\x00d\x00e\x00\n\x00", 1, "not UTF-8"),
        (b"code\nA\nB\x00C\n", 3, "NUL"),
        (b"code\n" + b'"' + b"x" * 200_000 + b'"\n', 2, "field larger than field limit"),
    ],
)
async def test_a_file_with_a_mistake_is_refused_by_its_line_and_nothing_is_kept(
    operate: httpx.AsyncClient, rows: Rows, file: bytes, line: int, message: str
) -> None:
    answer = await sent(operate, file)
    body = answer.json()
    assert (answer.status_code, body["code"], body["line"]) == (422, "invalid_codes", line)
    assert body["message"].startswith(f"line {line}: ")
    assert message in body["message"]
    assert await rows("select count(*) from coupon") == [(0,)]
    assert await rows("select count(*) from coupon_pool") == [(0,)]


async def test_a_mistake_behind_many_good_lines_leaves_nothing_half_written(
    operate: httpx.AsyncClient, rows: Rows
) -> None:
    good = b"".join(b"C%06d\n" % number for number in range(12_000))
    answer = await sent(operate, b"code\n" + good + b"\xff\n")
    assert (answer.status_code, answer.json()["line"]) == (422, 12_002)
    assert await rows("select count(*) from coupon") == [(0,)]
    assert (await sent(operate, b"code\n" + good)).json()["added"] == 12_000


MIXED = b"code\nA\n \nB\nA\n" + b"x" * (CODE_LENGTH + 1) + b"\nC\n"
REFUSALS = [
    {"line": 3, "message": "the code is empty"},
    {"line": 6, "message": "the code has 201 characters; at most 200 are kept"},
]


async def test_a_dry_run_says_what_would_come_and_leaves_no_trace(
    operate: httpx.AsyncClient, rows: Rows
) -> None:
    assert (await sent(operate, b"code\nC\n")).json()["added"] == 1
    for pool, added, duplicates in (("spring", 2, 2), ("winter", 3, 1)):
        answer = await sent(operate, MIXED, f"{pool}?dry_run=true")
        assert answer.json() == {
            "pool": pool,
            "added": added,
            "duplicates": duplicates,
            "refused": 2,
            "refusals": REFUSALS,
            "dry_run": True,
        }
    assert await rows("select pool, code from coupon") == [("spring", "C")]
    assert await rows("select key from coupon_pool") == [("spring",)]
    assert await rows("select count(*) from audit where action = 'coupon.add'") == [(1,)]
    unreadable = await sent(operate, b"code\nA\nB\xff\n", "spring?dry_run=true")
    assert (unreadable.status_code, unreadable.json()["line"]) == (422, 3)


async def test_a_dry_run_of_many_codes_counts_each_once_over_its_batches(
    operate: httpx.AsyncClient,
) -> None:
    codes = b"".join(b"C%06d\n" % (number % 6_000) for number in range(12_000))
    answer = (await sent(operate, b"code\n" + codes, "spring?dry_run=true")).json()
    assert (answer["added"], answer["duplicates"]) == (6_000, 6_000)


async def test_lines_without_a_good_code_are_left_out_and_named_if_one_wants(
    operate: httpx.AsyncClient, rows: Rows
) -> None:
    answer = (await sent(operate, MIXED, "spring?bad_lines=skip")).json()
    assert (answer["added"], answer["duplicates"], answer["refused"]) == (3, 1, 2)
    assert answer["refusals"] == REFUSALS
    assert await rows(CODES, "spring") == [("A",), ("B",), ("C",)]
    [(after,)] = await rows("select after from audit where action = 'coupon.add'")
    assert after == {"added": 3, "duplicates": 1, "refused": 2}
    many = await sent(operate, b"code\n" + b" \n" * 150 + b"D\n", "spring?bad_lines=skip")
    assert (many.json()["refused"], len(many.json()["refusals"])) == (150, 100)


async def test_draws_are_listed_with_their_contacts_and_runs_those_drawn_last_first(
    operate: httpx.AsyncClient, pool: Pool, rows: Rows
) -> None:
    await sent(operate, b"code\n" + b"".join(b"C%d\n" % number for number in range(6)))
    for contact in ("ada", "grace"):
        assert (await operate.put(f"/v1/contacts/{contact}", json={})).status_code in (200, 201)
    ids = dict(await rows("select external_id, id from contact"))
    async with pool.connection() as conn:
        for contact in ("ada", "ada", "grace"):
            await draw(conn, "spring", contact_id=ids[contact], run_id=uuid4(), visit=1)
        await redeem(conn, [(ids["ada"], "C1")])
    listed = (await operate.get("/v1/coupons/spring/draws")).json()
    assert [(each["code"], each["contact"]) for each in listed["items"]] == [
        ("C2", "grace"),
        ("C1", "ada"),
        ("C0", "ada"),
    ]
    assert [each["redeemed_at"] is None for each in listed["items"]] == [True, False, True]
    assert listed["next"] is None
    first = (await operate.get("/v1/coupons/spring/draws?limit=2")).json()
    rest = (await operate.get(f"/v1/coupons/spring/draws?limit=2&cursor={first['next']}")).json()
    assert [each["code"] for each in (*first["items"], *rest["items"])] == ["C2", "C1", "C0"]
    # A code that is left is not shown, even to one who guesses it.
    for code, found in (("C1", ["ada"]), ("C5", []), ("C9", [])):
        answer = (await operate.get(f"/v1/coupons/spring/draws?code={code}")).json()
        assert [each["contact"] for each in answer["items"]] == found
    # A transaction that gave its code back leaves a hole below codes that were drawn.
    await rows("update coupon set drawn_at = null where code = 'C0' returning 1")
    listed = (await operate.get("/v1/coupons/spring/draws")).json()
    assert [each["code"] for each in listed["items"]] == ["C2", "C1"]
    assert (await operate.get("/v1/coupons/none/draws")).status_code == 404


async def test_a_file_may_come_packed(operate: httpx.AsyncClient, rows: Rows) -> None:
    packed = gzip.compress(b"code\nA\nB\n")
    assert (await sent(operate, packed, **{"Content-Encoding": "gzip"})).json()["added"] == 2
    for broken, code in ((packed[:-4], "invalid_gzip"), (b"code\n", "invalid_gzip")):
        answer = await sent(operate, broken, **{"Content-Encoding": "gzip"})
        assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert await rows(CODES, "spring") == [("A",), ("B",)]


async def test_what_is_no_file_of_codes_is_refused(
    operate: httpx.AsyncClient, ingest: httpx.AsyncClient
) -> None:
    refused = await operate.post("/v1/coupons/spring", json={"codes": ["A"]})
    assert (refused.status_code, refused.json()["code"]) == (415, "unsupported_type")
    assert (await sent(ingest, b"code\nA\n")).status_code == 403
    assert (await ingest.get("/v1/coupons")).status_code == 403
    unknown = await operate.get("/v1/coupons/spring")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_pool")


async def test_a_pool_of_the_server_is_known_to_validation(operate: httpx.AsyncClient) -> None:
    journey = "journey: j\nentry: {api: true}\nsteps: [{id: c, coupon: {pool: spring}}]\n"
    headers = {"Content-Type": "application/yaml"}
    put = await operate.put("/v1/journeys/j", content=journey, headers=headers)
    assert put.json()["warnings"] == ["j:3: warning: [c] there is no pool `spring`"]
    await sent(operate, b"code\nA\n")
    put = await operate.put("/v1/journeys/j", content=journey, headers=headers)
    assert put.json()["warnings"] == []
