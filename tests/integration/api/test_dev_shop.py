"""The shop of the development stack: where it is served, and what its pages may do."""

from __future__ import annotations

import httpx
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from pydantic import SecretStr

from devstack import shop
from infra.settings import Settings
from tests.support.api import serving
from tests.support.engine import activate


async def test_the_shop_is_there_only_with_the_development_stack(
    settings: Settings, pool: AsyncConnectionPool[AsyncConnection[object]]
) -> None:
    with serving(settings) as url:
        async with httpx.AsyncClient(base_url=url) as client:
            assert (await client.get("/dev/shop/")).status_code == 404
    given = {"dev_shop_key": SecretStr('pk"<x>'), "dev_temporal_ui": "http://127.0.0.1:1"}
    with serving(settings.model_copy(update=given)) as url:
        async with httpx.AsyncClient(base_url=url) as client:
            lead = await client.get("/dev/shop")
            assert (lead.status_code, lead.headers["location"]) == (308, "/dev/shop/")
            page = await client.get("/dev/shop/")
            assert 'data-key="pk&quot;&lt;x&gt;"' in page.text
            assert 'data-speed="1" data-ready="no"' in page.text
            assert 'href="http://127.0.0.1:1"' in page.text
            policy = page.headers["content-security-policy"]
            assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
            assert "unsafe" not in policy
            # All that such a policy forbids is not there.
            assert " style=" not in page.text
            assert "<style" not in page.text
            assert "onclick" not in page.text
            kinds = [
                (await client.get(f"/dev/shop/{name}")).headers["content-type"]
                for name in ("shop.css", "shop.js")
            ]
            assert kinds == ["text/css; charset=utf-8", "text/javascript; charset=utf-8"]
            for name in ("index.html", "documents.yaml", "..%2f__init__.py", "none"):
                assert (await client.get(f"/dev/shop/{name}")).status_code == 404
            await activate(pool, "form: newsletter\nfields: [{name: a, label: A}]\n")
            assert 'data-ready="yes"' in (await client.get("/dev/shop/")).text


def test_the_links_of_its_mails_lead_to_the_shop() -> None:
    files = {each["filename"]: each["source"] for each in shop.documents("http://127.0.0.1/s/")}
    assert [*files] == ["shop.yaml", "welcome.yaml", "abandoned-cart.yaml"]
    assert "https://shop.example" not in files["abandoned-cart.yaml"]
    assert "http://127.0.0.1/s/" in files["abandoned-cart.yaml"]
    assert "http://127.0.0.1/s/" in files["welcome.yaml"]
    assert "topic: news\nbrand: shop\nname: Newsletter\n" in files["welcome.yaml"]
    assert "topic: offers\nbrand: shop\nname: Offers\n" in files["abandoned-cart.yaml"]
