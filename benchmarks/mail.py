"""The mail of benchmarks: a template with a layout, a loop, a condition and links."""

from __future__ import annotations

from typing import Any

import orjson
from psycopg import AsyncConnection

from journeys.model.documents import Template
from journeys.templating.compilation import compile_template
from store.definitions.contents import save_template_contents

TEMPLATE = "order"

_LAYOUT = """
<mjml>
  <mj-head>
    <mj-style>a { color: #0a58ca; } .small { color: #6c757d; font-size: 12px; }</mj-style>
  </mj-head>
  <mj-body background-color="#f4f4f4">
    <mj-section background-color="#ffffff">
      <mj-column><mj-image width="120px" alt="Shop" src="https://shop.example/logo.png"
        href="https://shop.example/" /></mj-column>
    </mj-section>
    {{ content }}
    <mj-section>
      <mj-column><mj-text css-class="small">
        Shop, 1 Market Street. <a href="https://shop.example/imprint">Imprint</a>,
        <a href="https://shop.example/privacy">privacy</a>,
        <a href="{{ view_url }}">view in the browser</a>,
        <a href="{{ preferences_url }}">preferences</a>,
        <a href="{{ unsubscribe_url }}">unsubscribe</a>
      </mj-text></mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""
_BODY = """
<mj-section background-color="#ffffff">
  <mj-column>
    <mj-text font-size="20px">Thank you, {{ contact.first_name | default: "friend" }}!</mj-text>
    <mj-text>Your order {{ entry.number | default: "0815" }} is on its way. It is {{ "now" | date:
      "%d %B %Y" }}, and we expect it within {{ entry.days | default: 3 }} days.</mj-text>
    <mj-raw>{% for item in entry.items %}</mj-raw>
    <mj-text>{{ item.count }} × <a href="https://shop.example/p/{{ item.id }}">{{ item.name }}</a>:
      {{ item.price }} €</mj-text>
    <mj-raw>{% endfor %}</mj-raw>
    <mj-raw>{% if contact.country == "FR" %}</mj-raw>
    <mj-text>Free returns within France: <a href="https://shop.example/returns/fr">how</a>.</mj-text>
    <mj-raw>{% else %}</mj-raw>
    <mj-text>Returns: <a href="https://shop.example/returns">how they work</a>.</mj-text>
    <mj-raw>{% endif %}</mj-raw>
    <mj-button href="https://shop.example/orders/{{ entry.number | default: "0815" }}?from=mail">
      Follow your order</mj-button>
    <mj-text>Questions? See <a href="https://shop.example/help">our help</a> or
      <a href="mailto:help@shop.example">write to us</a>.</mj-text>
  </mj-column>
</mj-section>
"""

ENTRY: dict[str, Any] = {
    "number": "2031",
    "days": 2,
    "items": [
        {"id": 11, "name": "Teapot", "count": 1, "price": "24.00"},
        {"id": 12, "name": "Cups & saucers", "count": 4, "price": "9.50"},
        {"id": 13, "name": "Green tea, 100 g", "count": 2, "price": "7.20"},
    ],
}
"""The properties of the entry's event that the mail prints."""


async def save_mail(conn: AsyncConnection[Any]) -> None:
    """Save the template with its compiled content."""
    layout = Template.model_validate({"template": "frame", "mjml": _LAYOUT})
    template = Template.model_validate(
        {
            "template": TEMPLATE,
            "layout": "frame",
            "subject": "Order {{ entry.number | default: '0815' }} is on its way",
            "preheader": "What you ordered, and when it comes",
            "mjml": _BODY,
            "utm": {"source": "shop", "medium": "email", "campaign": "orders"},
        }
    )
    compiled = compile_template(template, {"frame": layout})
    if compiled.flaws:
        raise ValueError(f"the mail of benchmarks cannot be compiled: {compiled.flaws[0]}")
    async with conn.transaction():
        for document in (layout, template):
            await conn.execute(
                "insert into document (kind, key, version, document, source, sha256)"
                " values ('template', %s, 1, %s, '', '')"
                " on conflict (kind, key) do nothing",
                (document.key, orjson.dumps(document.as_document()).decode()),
            )
        contents = {locale: each.as_json() for locale, each in compiled.contents.items()}
        await save_template_contents(conn, TEMPLATE, contents)
