"""The commands that read and steer, against a real API."""

import json
from pathlib import Path
from uuid import uuid4

import pytest

from devstack.ports import free_port
from journeys.library import about, names, source
from tests.integration.cli.commands import HELLO, NEWS, Api, Parcours, Pool, run, write

# --------------------------------------------------------------------------- finding the server


def test_without_a_server_the_command_says_how_to_get_one(here: Path) -> None:
    result = run("journey", "list")
    assert result.exit_code == 5
    assert "there is no .parcours/stack.json. Start one by `parcours dev`" in result.stderr
    assert result.stdout == ""


def test_settings_win_over_the_stack(parcours: Parcours, here: Path, api: Api) -> None:
    write(here / ".parcours" / "stack.json", "no longer json")
    torn = parcours("journey", "list")
    assert (torn.exit_code, "does not describe a stack" in torn.stderr) == (1, True)
    result = parcours(
        "journey", "list", "--json", PARCOURS_API_URL=f"{api.url}/", PARCOURS_API_KEY=api.key
    )
    assert (result.exit_code, result.stdout) == (0, f"{api.get('/v1/journeys').text}\n")


def test_a_data_directory_may_be_named(parcours: Parcours, here: Path) -> None:
    (here / ".parcours").rename(here / "elsewhere")
    assert parcours("journey", "list").exit_code == 5
    assert parcours("journey", "list", "--data-dir", "elsewhere").exit_code == 0


def test_an_address_needs_a_key(here: Path) -> None:
    result = run("stats", "hello", PARCOURS_API_URL="http://127.0.0.1:1")
    assert (result.exit_code, "PARCOURS_API_KEY must be" in result.stderr) == (2, True)


@pytest.mark.parametrize("url", ["somewhere", "ftp://127.0.0.1", "http://[::"])
def test_what_is_no_address_is_said_to_be_none(here: Path, url: str) -> None:
    result = run("journey", "list", PARCOURS_API_URL=url, PARCOURS_API_KEY="k")
    assert result.exit_code == 2
    assert result.stderr.startswith("parcours: PARCOURS_API_URL is no address")


def test_a_server_that_is_away_is_one_line(here: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    result = run("journey", "list", PARCOURS_API_URL=url, PARCOURS_API_KEY="k")
    assert result.exit_code == 5
    assert result.stderr.startswith(f"parcours: {url} cannot be reached")
    assert len(result.stderr.splitlines()) == 1


def test_a_wrong_key_is_one_line(here: Path, api: Api) -> None:
    result = run("journey", "list", PARCOURS_API_URL=api.url, PARCOURS_API_KEY="wrong")
    assert result.exit_code == 4
    assert result.stderr.startswith(f"parcours: {api.url} refused the key: ")
    assert len(result.stderr.splitlines()) == 1


# --------------------------------------------------------------------------- files


def test_files_are_checked_without_a_server(here: Path) -> None:
    write(here / "a.yaml", HELLO + "---\n" + NEWS)
    result = run("journey", "validate", "a.yaml")
    assert (result.exit_code, result.stdout) == (0, "1 journey, 1 topic: no errors\n")


def test_errors_are_reported_with_file_and_line(here: Path) -> None:
    write(here / "a.yaml", HELLO.replace("wait:", "wiat:") + "---\n" + NEWS)
    result = run("journey", "validate", "a.yaml")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("a.yaml:6: [long]")
    assert "wait" in result.stderr
    shown = run("journey", "validate", "--json", "a.yaml")
    assert shown.exit_code == 1
    assert {each["line"] for each in json.loads(shown.stdout)["problems"]} == {6}


def test_what_the_server_may_have_is_a_warning(here: Path) -> None:
    write(here / "a.yaml", HELLO)
    result = run("journey", "validate", "a.yaml")
    assert result.exit_code == 0
    assert "warning: there is no topic `news`; the server may have it" in result.stderr


def test_a_folder_is_searched_at_any_depth(here: Path) -> None:
    write(here / "docs" / "hello.yaml", HELLO)
    write(here / "docs" / "deep" / "deeper" / "news.json", '{"topic": "news", "default": "opt_in"}')
    write(here / "docs" / "readme.md", "no document")
    result = run("journey", "validate", "docs", "docs/hello.yaml")
    assert result.stdout == "1 topic, 1 journey: no errors\n"


def test_what_is_not_there_is_said(here: Path) -> None:
    (here / "empty").mkdir()
    for path, words in (("none.yaml", "there is no file none.yaml"), ("empty", "empty holds no")):
        result = run("journey", "validate", path)
        assert (result.exit_code, words in result.stderr) == (1, True)


def test_a_ready_journey_is_copied_under_a_new_name(here: Path) -> None:
    result = run("journey", "new", "my-cart", "--from", "abandoned-cart")
    assert result.exit_code == 0, result.output
    text = (here / "my-cart.yaml").read_text()
    assert "journey: my-cart\n" in text
    assert "journey: abandoned-cart" not in text
    assert run("journey", "validate", "my-cart.yaml").exit_code == 0
    again = run("journey", "new", "my-cart", "--from", "welcome")
    assert (again.exit_code, "my-cart.yaml is there already" in again.stderr) == (1, True)
    assert (here / "my-cart.yaml").read_text() == text


@pytest.mark.parametrize("name", names())
def test_each_ready_journey_may_be_copied(here: Path, name: str) -> None:
    made = run("journey", "new", "mine", "--from", name)
    assert made.exit_code == 0, made.stderr
    checked = run("journey", "validate", "mine.yaml")
    assert checked.exit_code == 0, checked.stderr
    copied = (here / "mine.yaml").read_text()
    assert copied.count("journey: mine\n") == 1
    assert copied.replace("journey: mine\n", f"journey: {name}\n") == source(name)


def test_the_ready_journeys_are_listed_with_a_line_each() -> None:
    listed = run("journey", "new", "--list")
    assert listed.exit_code == 0
    lines = listed.stdout.splitlines()
    assert [line.split()[0] for line in lines] == names()
    assert all(
        line.endswith(f"  {about(name).summary}") for line, name in zip(lines, names(), strict=True)
    )
    bare = run("journey", "new")
    assert bare.exit_code == 2
    assert "--list" in bare.stderr


def test_only_ready_journeys_and_keys_make_new_ones(here: Path) -> None:
    unknown = run("journey", "new", "mine", "--from", "nothing")
    assert unknown.exit_code == 1
    assert f"\n  welcome: {about('welcome').summary}\n" in unknown.stderr
    wrong = run("journey", "new", "../mine", "--from", "welcome")
    assert (wrong.exit_code, "is not a key" in wrong.stderr) == (1, True)
    assert list(here.iterdir()) == []


# --------------------------------------------------------------------------- applying


@pytest.mark.usefixtures("applied")
def test_applied_files_are_live(api: Api, parcours: Parcours) -> None:
    assert api.get("/v1/journeys/hello").json()["state"] == "active"
    assert api.get("/v1/topics/news").status_code == 200
    again = parcours("journey", "apply", "--yes", "docs")
    words = [line.split() for line in again.stdout.splitlines()]
    assert ["unchanged", "topic", "news", "1", "active"] in words
    assert ["unchanged", "journey", "hello", "1", "active"] in words


@pytest.mark.usefixtures("applied")
def test_what_apply_answers_can_be_read_by_programs(here: Path, parcours: Parcours) -> None:
    write(here / "docs" / "hello.yaml", HELLO.replace("30d", "60d"))
    result = parcours("journey", "apply", "--yes", "--json", "docs")
    documents = {each["key"]: each for each in json.loads(result.stdout)["documents"]}
    assert documents["hello"]["change"] == "updated"
    assert documents["hello"]["version"] == 2
    assert documents["news"]["change"] == "unchanged"


def test_one_wrong_file_changes_nothing(here: Path, api: Api, parcours: Parcours) -> None:
    write(here / "docs" / "news.yaml", NEWS)
    write(here / "docs" / "hello.yaml", HELLO.replace("topic: news", "topic: nwes"))
    result = parcours("journey", "apply", "--yes", "docs")
    assert result.exit_code == 1
    assert "docs/hello.yaml:4: there is no topic `nwes`" in result.stderr
    assert "Traceback" not in result.output
    write(here / "docs" / "hello.yaml", HELLO.replace("up_to", "upto"))
    assert parcours("journey", "apply", "--yes", "docs").exit_code == 1
    assert api.get("/v1/topics/news").status_code == 404
    assert api.get("/v1/journeys").json()["items"] == []


def test_apply_asks_unless_it_has_the_option_yes(here: Path, api: Api, parcours: Parcours) -> None:
    write(here / "hello.yaml", HELLO)
    write(here / "news.yaml", NEWS)
    result = parcours("journey", "apply", "hello.yaml", "news.yaml")
    assert (result.exit_code, "add --yes" in result.stderr) == (2, True)
    assert api.get("/v1/journeys").json()["items"] == []


# --------------------------------------------------------------------------- reading, steering


@pytest.mark.usefixtures("applied")
def test_journeys_are_listed_and_shown(api: Api, parcours: Parcours) -> None:
    listed = parcours("journey", "list")
    assert "hello" in listed.stdout
    assert "Say hello" in listed.stdout
    assert parcours("journey", "list", "--json").stdout.startswith('{"items":[{"key":"hello"')
    shown = parcours("journey", "show", "hello")
    assert "state           active" in shown.stdout
    assert HELLO.strip() in shown.stdout
    exact = parcours("journey", "show", "hello", "--version", "1", "--json").stdout
    assert exact == f"{api.get('/v1/journeys/hello?version=1').text}\n"
    unknown = parcours("journey", "show", "nosuch")
    assert (unknown.exit_code, unknown.stderr) == (3, "parcours: there is no journey 'nosuch'\n")


@pytest.mark.usefixtures("applied")
def test_journeys_are_paused_resumed_and_archived(api: Api, parcours: Parcours) -> None:
    for act, state in (("pause", "paused"), ("resume", "active"), ("archive", "archived")):
        result = parcours("journey", act, "hello")
        assert (result.exit_code, result.stdout) == (0, f"journey hello is {state}\n")
        assert api.get("/v1/journeys/hello").json()["state"] == state
    refused = parcours("journey", "pause", "hello")
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (4, 1)


@pytest.mark.usefixtures("applied")
def test_a_plan_tells_what_would_change_and_where_runs_stand(
    here: Path, api: Api, parcours: Parcours
) -> None:
    api.put("/v1/contacts/ada", {})
    assert parcours("run", "start", "hello", "--contact", "ada").exit_code == 0
    file = write(here / "hello.yaml", HELLO.replace("30d", "60d") + "  - {id: end, wait: 1d}\n")
    result = parcours("journey", "plan", str(file), "--in-flight", "follow")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[:3] == [
        f"~ journey hello: updated (version 2, {file})",
        "    step end added after mail",
        "    step long: wait up_to 30d → 60d",
    ]
    assert "its start" in result.stdout
    assert "    1 run at work: judged when they next stand still" in result.stdout
    pinned = parcours("journey", "plan", str(file))
    assert "    1 run at its start: stay in version 1, they keep their version" in pinned.stdout
    exact = json.loads(parcours("journey", "plan", str(file), "--json").stdout)
    assert exact["documents"][0]["in_flight"]["total"] == 1
    assert api.get("/v1/journeys/hello").json()["version"] == 1


@pytest.mark.usefixtures("applied")
def test_applied_runs_follow_by_a_map(here: Path, api: Api, parcours: Parcours) -> None:
    api.put("/v1/contacts/ada", {})
    assert parcours("run", "start", "hello", "--contact", "ada").exit_code == 0
    file = write(here / "hello.yaml", HELLO.replace("id: long", "id: longer"))
    torn = parcours("journey", "apply", "--yes", str(file), "--map", "long")
    assert (torn.exit_code, torn.stderr) == (
        2,
        "parcours: --map long is not OLD=NEW, two ids of steps\n",
    )
    wrong = parcours("journey", "apply", "--yes", str(file), "--map", "long=longest")
    assert "did you mean `longer`?" in wrong.stderr
    vague = parcours("journey", "apply", "--yes", str(file), "--overdue", "soon")
    assert vague.exit_code == 2
    assert api.get("/v1/journeys/hello").json()["version"] == 1
    result = parcours("journey", "apply", "--yes", str(file), "--map", "long=longer")
    [job] = api.get("/v1/jobs?journey=hello").json()["items"]
    assert f"the runs of hello move: job {job['id']}" in result.stdout


@pytest.mark.usefixtures("applied")
def test_a_run_is_started_listed_and_shown(api: Api, parcours: Parcours) -> None:
    api.put("/v1/contacts/ada", {})
    started = parcours(
        "run", "start", "hello", "--contact", "ada", "--properties", '{"n": 1}', "--json"
    )
    assert started.exit_code == 0, started.output
    run_id = json.loads(started.stdout)["id"]
    listed = parcours("run", "list", "--contact", "ada", "--journey", "hello", "--state", "active")
    assert run_id in listed.stdout
    exact = parcours("run", "list", "--contact", "ada", "--json").stdout
    assert exact == f"{api.get('/v1/runs?contact=ada&limit=50').text}\n"
    shown = parcours("run", "show", run_id)
    assert f"journey.hello.{run_id}" in shown.stdout
    exact = parcours("run", "show", run_id, "--json").stdout
    assert exact == f"{api.get(f'/v1/runs/{run_id}').text}\n"
    again = parcours("run", "start", "hello", "--contact", "ada")
    assert again.exit_code == 4
    assert len(again.stderr.splitlines()) == 1
    assert parcours("run", "list", "--contact", "unknown", "--json").stdout == (
        '{"items":[],"next":null}\n'
    )


@pytest.mark.usefixtures("applied")
@pytest.mark.parametrize("properties", ["{", "[1]", "1"])
def test_properties_that_are_no_object_are_refused(parcours: Parcours, properties: str) -> None:
    result = parcours("run", "start", "hello", "--contact", "ada", "--properties", properties)
    assert result.exit_code == 1
    assert result.stderr.startswith("parcours: --properties")


@pytest.mark.usefixtures("applied")
async def test_a_run_is_shown_with_the_facts_of_its_visits(
    api: Api, parcours: Parcours, pool: Pool
) -> None:
    api.put("/v1/contacts/ada", {})
    run_id = json.loads(parcours("run", "start", "hello", "--contact", "ada", "--json").stdout)[
        "id"
    ]
    async with pool.connection() as conn:
        await conn.execute(
            "insert into visit (run_id, visit, step, kind, outcome, ended_at, facts) values"
            " (%(run)s, 1, 'long', 'wait', 'timed_out', parcours.clock(), '{}'), (%(run)s, 2,"
            " 'mail', 'email', 'skipped', parcours.clock(), '{\"reason\": \"consent\"}')",
            {"run": run_id},
        )
    shown = parcours("run", "show", run_id).stdout
    assert "timed_out" in shown
    assert "reason: consent" in shown
    assert "goal" not in shown
    counted = parcours("stats", "hello").stdout
    assert counted.startswith("hello: 1 entered, 1 active\n")
    words = [line.split() for line in counted.splitlines()]
    assert ["mail", "email", "1", "consent:", "1", "1"] in words
    assert ["long", "wait", "1", "1", "timed_out:", "1"] in words
    async with pool.connection() as conn:
        await conn.execute(
            "insert into goal (run_id, journey, contact_id, event_name, ref)"
            " select id, journey, contact_id, 'Ordered', 0 from run"
        )
        assert "goal      not met\n" in parcours("run", "show", run_id).stdout
        await conn.execute(
            "update goal set met_event_id = 1, met_at = '2026-01-02T03:04:05Z', value = 19.5"
        )
    assert "goal      met 2026-01-02 03:04:05" in parcours("run", "show", run_id).stdout
    counted = parcours("stats", "hello").stdout
    assert counted.startswith("hello: 1 entered, 1 active; goal met 1, value 19.5\n")
    exact = parcours("stats", "hello", "--version", "1", "--json").stdout
    assert exact == f"{api.get('/v1/journeys/hello/stats?version=1').text}\n"
    unknown = parcours("stats", "unknown")
    assert (unknown.exit_code, unknown.stderr) == (3, "parcours: there is no journey 'unknown'\n")


@pytest.mark.usefixtures("applied")
async def test_a_send_that_is_retried_is_shown_with_the_words_of_its_provider(
    api: Api, parcours: Parcours, pool: Pool
) -> None:
    api.put("/v1/contacts/ada", {})
    run_id = json.loads(parcours("run", "start", "hello", "--contact", "ada", "--json").stdout)[
        "id"
    ]
    message = uuid4()
    async with pool.connection() as conn:
        await conn.execute(
            "insert into message (id, run_id, visit, step, contact_id, channel, state, token,"
            " attempts, code, detail, provider) select %(id)s, id, 1, 'mail', contact_id, 'email',"
            " 'released', '', 7, 'deferred', '451 <ada@example.com> later', 'smtp' from run",
            {"id": message},
        )
        await conn.execute(
            "insert into visit (run_id, visit, step, kind, message_id, held, due_at) values"
            " (%s, 1, 'mail', 'email', %s, 'retry', '2026-01-02T03:04:05Z')",
            (run_id, message),
        )
    shown = parcours("run", "show", run_id).stdout
    assert "held: retry, tried 7 times, last deferred, next 2026-01-02 03:04:05" in shown
    assert "said: 451 <ada@example.com> later" in shown
    visit = api.get(f"/v1/runs/{run_id}").json()["visits"][0]
    said = {"attempts": 7, "code": "deferred", "detail": "451 <ada@example.com> later"}
    assert visit["retry"] == {**said, "next_at": "2026-01-02T03:04:05Z"}
    assert visit["message"] == {
        **said,
        "state": "released",
        "provider": "smtp",
        "provider_id": None,
    }
    counted = parcours("stats", "hello").stdout
    [head] = [line for line in counted.splitlines() if "retrying" in line]
    assert head.split()[2:6] == ["reached", "waiting", "deferred", "retrying"]
    assert ["mail", "email", "1", "1"] in [line.split() for line in counted.splitlines()]
    async with pool.connection() as conn:
        await conn.execute(
            "update message set state = 'refused', code = 'address_unknown',"
            " detail = '550 5.1.1 no such user'"
        )
        await conn.execute(
            "update visit set held = null, due_at = null, outcome = 'failed',"
            ' facts = \'{"reason": "address_unknown"}\''
        )
    shown = parcours("run", "show", run_id).stdout
    assert "said: 550 5.1.1 no such user, reason: address_unknown" in shown
    assert api.get(f"/v1/runs/{run_id}").json()["visits"][0]["retry"] is None


@pytest.mark.usefixtures("applied")
def test_runs_of_many_contacts_are_previewed_and_started(
    here: Path, api: Api, parcours: Parcours
) -> None:
    for name in ("ada", "bob"):
        api.put(f"/v1/contacts/{name}", {"attributes": {"plan": "pro"}})
    condition = write(here / "pro.yaml", "{attribute: plan, is: pro}\n")
    listed = write(here / "contacts.txt", "ada\n\nbob\nmissing\n")
    for chosen in (("--if", str(condition)), ("--contacts", str(listed))):
        preview = parcours("run", "start", "hello", *chosen, "--preview")
        assert preview.exit_code == 0, preview.output
        assert preview.stdout.splitlines()[0].split() == ["would", "enter", "2"]
    assert api.get("/v1/jobs?kind=enter").json()["items"] == []
    started = parcours("run", "start", "hello", "--contacts", str(listed), "--json")
    assert started.exit_code == 0, started.output
    job = json.loads(started.stdout)
    assert (job["kind"], job["journey"], job["total"]) == ("enter", "hello", 2)
    result = api.get(f"/v1/jobs/{job['id']}").json()["result"]
    assert result["unknown_contacts"] == ["missing"]
    shown = parcours("job", "show", job["id"])
    assert "unknown contacts  missing" in shown.stdout, shown.output
    for wrong in (
        (),
        ("--contact", "ada", "--group", "vip"),
        ("--group", "vip", "--segment", "s"),
        ("--contact", "ada", "--preview"),
    ):
        assert parcours("run", "start", "hello", *wrong).exit_code == 2, wrong
