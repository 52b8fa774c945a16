"""Checks of forms: their topics ask for a confirmation, since anyone can type any address."""

from __future__ import annotations

from collections.abc import Iterator

from journeys.checks.references import KnownKeys
from journeys.model.documents import AnyDocument, Topic
from journeys.model.forms import Form
from journeys.model.problems import Problem

_NEEDED = "double"


def form_problems(document: AnyDocument, known: KnownKeys) -> Iterator[Problem]:
    """Topics of forms that subscribe without a confirmation: of a form, or of a topic in use."""
    if isinstance(document, Form) and document.topic is not None:
        default = known.topic_defaults.get(document.topic, _NEEDED)
        if default != _NEEDED:
            yield Problem(
                "form_topic",
                f"anyone can type anyone's address, and the topic `{document.topic}` has"
                f" `default: {default}`",
                "give the topic `default: double`, or the form another topic",
                path=("topic",),
            )
    if isinstance(document, Topic) and document.default != _NEEDED:
        forms = sorted(form for form, topic in known.form_topics.items() if topic == document.key)
        if forms:
            yield Problem(
                "form_topic",
                f"the form `{forms[0]}` subscribes to this topic, and anyone can type anyone's"
                " address",
                "leave it `default: double`, or give the form another topic first",
                path=("default",),
            )
