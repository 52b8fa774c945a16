"""Elements of HTML and MJML by what they do."""

from __future__ import annotations

from typing import Final

VOID: Final = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param",
    "source", "track", "wbr",
})  # fmt: skip
"""Elements without an inside."""
LEFT_OPEN: Final = frozenset({
    "p", "li", "dt", "dd", "option", "optgroup", "tr", "td", "th", "thead", "tbody", "tfoot",
    "colgroup", "caption", "rb", "rt", "rp", "html", "head", "body",
})  # fmt: skip
"""Elements that need no end tag, and can't stand directly in themselves."""
SCOPES: Final = frozenset({
    "table", "template", "svg", "math", "object", "marquee", "button",
})  # fmt: skip
"""Elements whose inside can't close what is around them."""
SPACED_BLOCKS: Final = frozenset({
    "p", "ul", "ol", "table", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6",
})  # fmt: skip
"""Blocks with an empty line around them."""
BLOCKS: Final = frozenset({
    "address", "article", "aside", "blockquote", "center", "div", "dd", "dl", "dt",
    "fieldset", "figure", "figcaption", "footer", "form", "header", "main", "nav", "section",
    "pre", "h1", "h2", "h3", "h4", "h5", "h6", "p", "ul", "ol", "table",
})  # fmt: skip
"""Elements that begin a line."""
SILENT: Final = frozenset({
    "head", "style", "script", "title", "template",
})  # fmt: skip
"""Elements whose inside is not shown."""
OF_MJML: Final = frozenset({
    "mj-accordion", "mj-accordion-element", "mj-accordion-text", "mj-accordion-title",
    "mj-all", "mj-attributes", "mj-body", "mj-breakpoint", "mj-button", "mj-carousel",
    "mj-carousel-image", "mj-class", "mj-column", "mj-divider", "mj-font", "mj-group",
    "mj-head", "mj-hero", "mj-html-attributes", "mj-html-attribute", "mj-image", "mj-include",
    "mj-navbar", "mj-navbar-link", "mj-preview", "mj-raw", "mj-section", "mj-selector",
    "mj-social", "mj-social-element", "mj-spacer", "mj-style", "mj-table", "mj-text",
    "mj-title", "mj-wrapper",
})  # fmt: skip
"""The elements of MJML."""
