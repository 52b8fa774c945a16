"""A call of each route that changes something, with what the audit log says of it.

The calls build on each other: they are made in this order, on one server.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

YAML: Final = {"Content-Type": "application/yaml"}
CSV: Final = {"Content-Type": "text/csv"}

JOURNEY: Final = """\
journey: hello
entry: {api: true}
re_entry: always
steps:
  - {id: quiet, wait: 30d}
  - {id: later, wait: 30d}
"""
FIELDS: Final = "fields: [{name: email, label: E-mail, type: email, required: true}]\n"


@dataclass(frozen=True)
class Call:
    """A request that changes something. `{name}` in it is a value that a call before has kept."""

    route: str
    """Method and path, as OpenAPI has them."""
    path: str
    action: str
    subject: str
    """As the log names it. `*` at its end: anything."""
    body: Any = None
    content: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    keep: dict[str, str] = field(default_factory=dict)
    """Values of the answer that later calls use: the field of the answer by name."""
    prepare: str | None = None
    """What is done in the database before: see `PREPARATIONS`."""
    repeated: int | None = None
    """If the same call, made once more, changes nothing: the status of its answer."""
    others: tuple[str, ...] = ()
    """Further actions of the same call."""


def _document(plural: str, kind: str, key: str, *versions: str) -> list[Call]:
    """A document is saved in two versions, and returns to the first."""
    subject = f"{kind}:{key}"
    saves = [
        Call(
            f"PUT /v1/{plural}/{{key}}",
            f"/v1/{plural}/{key}",
            f"{kind}.save",
            subject,
            content=version,
            headers=YAML,
            repeated=200,
        )
        for version in versions
    ]
    restore = Call(
        f"POST /v1/{plural}/{{key}}/restore",
        f"/v1/{plural}/{key}/restore",
        f"{kind}.save",
        subject,
        body={"version": 1},
        repeated=200,
    )
    return [*saves, restore]


def _repair(action: str, run: str, **more: str) -> Call:
    return Call(
        f"POST /v1/runs/{{run}}/{action}",
        f"/v1/runs/{{{run}}}/{action}",
        f"run.{action}",
        f"run:{{{run}}}",
        body={"reason": "why", **more},
        prepare=run,
        repeated=200,
    )


CALLS: Final[tuple[Call, ...]] = (
    *_document("topics", "topic", "news", "topic: news\ndefault: opt_in\n",
               "topic: news\ndefault: opt_in\nname: News\n"),
    *_document("places", "places", "shops",
               "places: shops\nlist: [{name: Lyon, lat: 45.7, lon: 4.8}]\n",
               "places: shops\nlist: [{name: Lyon, lat: 45.8, lon: 4.8}]\n"),
    *_document("channels", "channel", "email", "channel: email\napart: 4h\n",
               "channel: email\napart: 5h\n"),
    *_document("brands", "brand", "acme", "brand: acme\nname: Acme\n",
               "brand: acme\nname: Acme and Sons\n"),
    *_document("forms", "form", "letters",
               "form: letters\nfields: [{name: size, label: Size}]\n",
               "form: letters\nfields: [{name: size, label: Your size}]\n"),
    *_document("test-recipients", "test_recipients", "team",
               "test_recipients: team\nemails: [me@example.com]\n",
               "test_recipients: team\nemails: [me@example.com, you@example.com]\n"),
    # It holds for none of the contacts, whose runs are started below.
    *_document("holdouts", "holdout", "nothing",
               "holdout: nothing\nshare: 5%\nif: {attribute: tier, is: none}\n",
               "holdout: nothing\nshare: 6%\nif: {attribute: tier, is: none}\n"),
    *_document("forms", "form", "quote", f"form: quote\n{FIELDS}",
               f"form: quote\ntitle: Ask us\n{FIELDS}"),
    *_document("templates", "template", "note", "template: note\nsubject: S\ntext: T\n",
               "template: note\nsubject: S\ntext: U\n"),
    *_document("segments", "segment", "french",
               "segment: french\nif: {attribute: country, is: FR}\n",
               "segment: french\nif: {attribute: country, is: BE}\n"),
    Call("POST /v1/segments/{key}/fill", "/v1/segments/french/fill", "segment.fill",
         "segment:french"),
    Call("PUT /v1/journeys/{key}", "/v1/journeys/hello", "journey.save", "journey:hello",
         content=JOURNEY, headers=YAML, repeated=200),
    Call("POST /v1/journeys/{key}/activate", "/v1/journeys/hello/activate", "journey.activate",
         "journey:hello", body={"version": 1}),
    Call("POST /v1/apply", "/v1/apply", "journey.save", "journey:hello",
         body={"documents": [{"filename": "a", "source": JOURNEY.replace("later", "last")}]},
         repeated=200, others=("journey.activate",)),
    Call("PUT /v1/files/{name}", "/v1/files/logo.png", "file.upload", "file:logo.png",
         content="picture"),
    Call("DELETE /v1/files/{name}", "/v1/files/logo.png", "file.remove", "file:logo.png",
         repeated=404),
    Call("PUT /v1/contacts/{contact}", "/v1/contacts/zoraya", "contact.create", "contact:*",
         body={"email": "zoraya@example.com", "attributes": {"plan": "secret-plan"}}, repeated=200),
    Call("PUT /v1/contacts/{contact}", "/v1/contacts/adele", "contact.create", "contact:*",
         body={"reason": "another one"}, repeated=200),
    Call("PUT /v1/contacts/{contact}/topics/{topic}", "/v1/contacts/zoraya/topics/news",
         "contact.consent", "contact:*", body={"state": "subscribed"}),
    Call("PUT /v1/contacts/{contact}/channels/{channel}", "/v1/contacts/zoraya/channels/email",
         "contact.consent", "contact:*", body={"state": "subscribed"}),
    Call("POST /v1/groups/{key}/contacts", "/v1/groups/vip/contacts", "group.add", "group:vip",
         body={"contacts": ["zoraya"]}, repeated=200),
    Call("DELETE /v1/groups/{key}/contacts", "/v1/groups/vip/contacts", "group.remove",
         "group:vip", body={"contacts": ["zoraya"]}, repeated=200),
    Call("POST /v1/contacts/{contact}/merge", "/v1/contacts/zoraya/merge", "contact.merge",
         "contact:*", body={"from": "adele"}, repeated=200),
    Call("POST /v1/journeys/{key}/runs", "/v1/journeys/hello/runs", "run.start", "run:*",
         body={"contact": "zoraya", "idempotency_key": "k"}, keep={"started": "id"}, repeated=201),
    _repair("skip", "skipped"),
    _repair("goto", "moved", step="last"),
    _repair("retry", "retried"),
    _repair("exit", "exited"),
    _repair("cancel", "cancelled"),
    Call("POST /v1/messages/{message}/retry", "/v1/messages/{failed}/retry", "run.retry",
         "run:*", body={"reason": "why"}, prepare="failed", repeated=200),
    Call("POST /v1/runs/bulk", "/v1/runs/bulk", "run.repair", "job:*",
         body={"action": "skip", "journey": "hello", "reason": "why"}, keep={"repairing": "id"}),
    Call("POST /v1/jobs/{job_id}/approve", "/v1/jobs/{repairing}/approve", "job.approve",
         "job:{repairing}", prepare="repairing", repeated=200),
    Call("POST /v1/contacts/{contact}/remove", "/v1/contacts/zoraya/remove", "contact.remove",
         "contact:*", body={"journey": "hello", "reason": "why"}, repeated=200),
    Call("POST /v1/journeys/{key}/runs/bulk", "/v1/journeys/hello/runs/bulk", "journey.enter",
         "journey:hello", body={"contacts": ["zoraya"]}, keep={"entering": "id"}),
    Call("POST /v1/jobs/{job_id}/pause", "/v1/jobs/{entering}/pause", "job.pause",
         "job:{entering}", repeated=200),
    Call("POST /v1/jobs/{job_id}/resume", "/v1/jobs/{entering}/resume", "job.resume",
         "job:{entering}", repeated=200),
    Call("POST /v1/jobs/{job_id}/cancel", "/v1/jobs/{entering}/cancel", "job.cancel",
         "job:{entering}", repeated=200),
    Call("POST /v1/contacts/import", "/v1/contacts/import", "contact.import", "job:*",
         content="external_id,email\nbob,bob@example.com\n", headers=CSV,
         keep={"import": "job.id"}),
    Call("POST /v1/jobs/{job_id}/undo", "/v1/jobs/{import}/undo", "job.undo", "job:{import}",
         prepare="import", repeated=202),
    Call("POST /v1/contacts/export", "/v1/contacts/export", "contact.export", "job:*", body={}),
    Call("POST /v1/coupons/{pool}", "/v1/coupons/spring", "coupon.add", "coupon:spring",
         content="code\nA-1\n", headers=CSV, repeated=200),
    Call("POST /v1/events/rejected/{rejection}/replay", "/v1/events/rejected/{rejected}/replay",
         "rejection.replay", "rejection:{rejected}", body={}, prepare="rejected", repeated=409),
    Call("POST /v1/events/dead/replay", "/v1/events/dead/replay", "event.replay", "event:{dead}",
         body={"reason": "why"}, prepare="dead", repeated=200),
    Call("POST /v1/events/dead/dismiss", "/v1/events/dead/dismiss", "event.dismiss",
         "event:{dismissed}", body={"reason": "why"}, prepare="dismissed", repeated=200),
    Call("POST /v1/events/refused/replay", "/v1/events/refused/replay", "rejection.replay",
         "rejection:entry.{refused}.hello", body={"journey": "hello", "code": "paused"},
         prepare="refused", repeated=200),
    Call("POST /v1/suppressions", "/v1/suppressions", "suppression.add", "suppression:email/*",
         body={"channel": "email", "address": "eve@example.com"}, repeated=200),
    Call("DELETE /v1/suppressions", "/v1/suppressions?channel=email&address=eve@example.com",
         "suppression.remove", "suppression:email/*", repeated=404),
    Call("POST /v1/suppressions/import", "/v1/suppressions/import", "suppression.import",
         "suppression:import", content="channel,address\nemail,eve@example.com\n", headers=CSV,
         repeated=200),
    Call("POST /v1/freeze", "/v1/freeze", "channel.freeze", "channel:email",
         body={"channel": "email", "reason": "too many"}, repeated=200),
    Call("POST /v1/unfreeze", "/v1/unfreeze", "channel.unfreeze", "channel:email",
         body={"channel": "email", "reason": "fewer"}, repeated=409),
    Call("POST /v1/keys", "/v1/keys", "key.create", "key:*",
         body={"scope": "ingest", "name": "shop", "user_hash_secret": "0123456789abcdef"},
         keep={"key": "id"}),
    Call("DELETE /v1/keys/{key_id}", "/v1/keys/{key}", "key.revoke", "key:{key}", repeated=409),
    Call("POST /v1/pause", "/v1/pause", "journey.pause", "journey:hello",
         body={"reason": "why"}, repeated=200),
    Call("POST /v1/resume", "/v1/resume", "journey.resume", "journey:hello",
         body={"reason": "why"}, repeated=200),
    Call("POST /v1/journeys/{key}/pause", "/v1/journeys/hello/pause", "journey.pause",
         "journey:hello", repeated=200),
    Call("POST /v1/journeys/{key}/resume", "/v1/journeys/hello/resume", "journey.resume",
         "journey:hello", repeated=200),
    Call("POST /v1/journeys/{key}/archive", "/v1/journeys/hello/archive", "journey.archive",
         "journey:hello", repeated=200),
    Call("DELETE /v1/contacts/{contact}", "/v1/contacts/zoraya", "contact.erase", "erasure:*",
         repeated=404),
)  # fmt: skip
"""One for each route, but that of test messages, which waits for a worker."""
