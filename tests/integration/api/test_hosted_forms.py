"""The page of a form: what it shows, takes and answers, without scripts and to a script."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from infra.settings import Settings
from store.operations.api_keys import create_key
from tests.support.form_sites import ADA, Pool, Site, serving_forms, stamp


@pytest.fixture
async def site(settings: Settings, pool: Pool) -> AsyncIterator[Site]:
    async with serving_forms(settings, pool) as site:
        yield site


async def test_the_page_of_a_form_says_what_it_needs(site: Site) -> None:
    page = await site.client.get("/f/sign-up")
    assert page.status_code == 200
    text = page.text
    assert '<html lang="en" dir="ltr">' in text
    assert "<h1>Our &lt;letter&gt;</h1>" in text
    assert "One letter a week.<br>No noise." in text
    assert '<label for="f-email">E-mail</label>' in text
    assert '<label for="f-phone">Phone <small>(optional)</small></label>' in text
    assert 'aria-describedby="f-first_name-hint" autocomplete="given-name"' in text
    assert "Yes, send me the letter." in text
    assert '<img src="https://cdn.acme.test/logo.png" alt="Acme &amp; Sons">' in text
    assert "#0b6e4f" in text
    assert "<script" not in text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cache-control"] == "no-store"
    head = await site.client.head("/f/sign-up")
    assert (head.status_code, head.content) == (200, b"")
    for unknown in ("none", "sign-up%00", "x" * 64):
        missing = await site.client.get(f"/f/{unknown}")
        assert missing.status_code == 404
        assert "There is no form here" in missing.text
    assert await site.submitted() == []


async def test_a_page_speaks_the_visitors_language(site: Site) -> None:
    french = {"Accept-Language": "fr-CA,fr;q=0.8,en;q=0.5"}
    page = await site.client.get("/f/sign-up", headers=french)
    assert page.headers["content-language"] == "fr"
    assert "Notre lettre" in page.text
    assert "Prénom <small>(facultatif)</small>" in page.text
    asked = await site.client.get("/f/sign-up?lang=fr&utm_source=x")
    assert "Notre lettre" in asked.text
    # What its author wrote is German, so the rest of the page is, too.
    german = await site.client.get("/f/quote", headers=french)
    assert german.headers["content-language"] == "de"
    assert "Bitte wählen" in german.text
    data = {"_stamp": stamp("sign-up"), "_lang": "fr", "email": ADA}
    done = await site.client.post("/f/sign-up", data=data, headers=french)
    assert "<h1>Merci</h1>" in done.text
    assert "C&#x27;est fait." in done.text
    [(contact, _)] = await site.submitted()
    assert await site.contact(contact) == {"email": ADA, "locale": "fr-CA", "gift": False}
    assert [row[6] for row in await site.consents()] == ["Oui, envoyez-moi la lettre. Envoyer"]


async def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_is_kept(
    site: Site,
) -> None:
    answer = await site.send(email="ada@", first_name='<"Ada">', phone="0612", gift="on")
    assert answer.status_code == 422
    text = answer.text
    assert 'value="ada@"' in text
    assert 'value="&lt;&quot;Ada&quot;&gt;"' in text
    assert re.search(r'<input type="checkbox" value="on"[^>]* checked>', text)
    assert (
        '<p class="error" id="f-email-error">'
        "Please give an e-mail address such as ada@example.com.</p>"
    ) in text
    assert 'aria-invalid="true" aria-describedby="f-email-error" autofocus' in text
    assert '<a href="#f-phone">Phone</a>: Please give a phone number with +' in text
    assert 'role="alert"' in text
    assert await site.submitted() == []
    # The page that came back is sent again, corrected, with the stamp that it holds.
    found = re.search('name="_stamp" value="([^"]+)"', text)
    assert found is not None
    data = {"_stamp": found[1], "email": ADA}
    assert (await site.client.post("/f/sign-up", data=data)).status_code == 200
    assert len(await site.submitted()) == 1


async def test_a_frame_is_allowed_to_the_origins_that_the_form_names(site: Site) -> None:
    page = await site.client.get("/f/quote")
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors https://www.acme.test https://shop.acme.test:8443;" in policy
    assert "x-frame-options" not in page.headers
    # A browser follows the answer to a form only to where its page may lead.
    assert "form-action 'self' https://www.acme.test;" in policy


async def test_a_form_may_lead_to_another_page_and_keep_a_field_in_the_event(site: Site) -> None:
    sent = await site.send("quote", size="large", message="Hello\r\nthere")
    assert sent.status_code == 303
    assert sent.headers["location"] == "https://www.acme.test/danke?x=1"
    [(contact, properties)] = await site.submitted()
    assert properties == {"form": "quote", "size": "large", "message": "Hello\nthere"}
    assert await site.contact(contact) == {"size": "large", "locale": "en-GB"}
    assert await site.consents() == []
    answered = await site.post("quote", fields={"size": "small"})
    assert answered.json() == {"thanks": {"url": "https://www.acme.test/danke?x=1"}}


async def test_a_box_decides_about_the_consent(site: Site) -> None:
    refused = await site.send("boxed", email=ADA)
    assert refused.status_code == 422
    assert 'id="f-_consent-error"' in refused.text
    assert (await site.send("boxed", email=ADA, _consent="on")).status_code == 200
    [record] = await site.consents()
    assert record[6] == "Yes, Acme & Sons may send me “Newsletter”. I can stop it at any time."
    assert (await site.send("offered", email="ben@example.com")).status_code == 200
    assert len(await site.consents()) == 1
    assert len(await site.submitted()) == 2


async def test_a_script_gets_what_it_needs_and_reads_what_is_wrong(site: Site) -> None:
    json = {"Accept": "application/json", "Origin": "https://shop.test"}
    first = await site.client.get("/f/sign-up?lang=fr", headers=json)
    assert first.headers["access-control-allow-origin"] == "*"
    assert first.json()["wait"] == 2
    assert first.json()["failed"].startswith("Vos réponses n’ont pas pu être envoyées")
    preflight = await site.client.options(
        "/f/sign-up",
        headers={
            "Origin": "https://shop.test",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    assert preflight.status_code == 204
    early = stamp("sign-up", -30)
    soon = await site.client.post("/f/sign-up", json={"fields": {"email": ADA}, "stamp": early})
    assert (soon.status_code, soon.json()["code"]) == (409, "robot_soon")
    # The form was shown once: it is sent again as the same.
    assert soon.json()["stamp"] == early
    assert soon.json()["wait"] >= 30
    wrong = await site.post(fields={"email": "ada", "phone": "1"}, lang="fr")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_form")
    assert [each["field"] for each in wrong.json()["errors"]] == ["email", "phone"]
    assert "adresse e-mail" in wrong.json()["errors"][0]["message"]
    bodies: list[Any] = [{}, {"fields": []}, {"fields": {"email": 3}}, []]
    for body in bodies:
        bad = await site.client.post("/f/sign-up", json=body)
        assert (bad.status_code, bad.json()["code"]) == (400, "invalid_body")
    lost = await site.client.post("/f/none", json={"fields": {}})
    assert (lost.status_code, lost.json()["code"]) == (404, "unknown_form")
    shown = await site.post(fields={"email": ADA}, text="Send me your letter, Acme!")
    assert shown.status_code == 200
    assert [row[6] for row in await site.consents()] == ["Send me your letter, Acme!"]


async def test_a_body_is_bounded_and_of_any_kind_of_form(site: Site) -> None:
    large = await site.send(email=ADA, first_name="x" * 70_000)
    assert large.status_code == 413
    parts = {"_stamp": (None, stamp("sign-up")), "email": (None, ADA)}
    multipart = await site.client.post("/f/sign-up", files=parts)
    assert multipart.status_code == 200
    junk = await site.client.post(
        "/f/sign-up", content=b"\xff\xfe", headers={"Content-Type": "text/csv"}
    )
    assert junk.status_code == 409
    assert len(await site.submitted()) == 1


async def test_forms_are_documents_like_others(site: Site) -> None:
    async with site.pool.connection() as conn:
        key = await create_key(conn, "edit")
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
    listed = await site.client.get("/v1/forms", headers=headers)
    assert [each["key"] for each in listed.json()["items"]] == [
        "boxed", "offered", "quote", "sign-up",
    ]  # fmt: skip
    one = await site.client.get("/v1/forms/quote", headers=headers)
    assert one.json()["document"]["language"] == "de"
    changed = {"form": "quote", "fields": [{"name": "size", "label": "Size"}]}
    saved = await site.client.put("/v1/forms/quote", json=changed, headers=headers)
    assert (saved.status_code, saved.json()["version"]) == (200, 2), saved.text
    lacking = {**changed, "topic": "nowhere", "fields": [{"name": "email", "label": "E",
               "type": "email", "required": True}]}  # fmt: skip
    refused = await site.client.put("/v1/forms/quote", json=lacking, headers=headers)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == "unknown_topic"
    single = {"topic": "news", "default": "opt_in"}
    in_use = await site.client.put("/v1/topics/news", json=single, headers=headers)
    assert in_use.status_code == 422
    assert [each["code"] for each in in_use.json()["errors"]] == ["form_topic"]
