"""Actions of the audit log: the one list of them, each with its subject and its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

SubjectKind = Literal[
    "brand",
    "channel",
    "contact",
    "coupon",
    "database",
    "erasure",
    "file",
    "group",
    "job",
    "journey",
    "key",
    "places",
    "rejection",
    "run",
    "segment",
    "suppression",
    "template",
    "test_recipients",
    "topic",
]
"""The kinds of things that are changed."""

ActionName = Literal[
    "brand.save",
    "channel.freeze",
    "channel.save",
    "channel.unfreeze",
    "contact.change",
    "contact.consent",
    "contact.create",
    "contact.erase",
    "contact.export",
    "contact.import",
    "contact.merge",
    "coupon.add",
    "database.migrate",
    "file.remove",
    "file.upload",
    "group.add",
    "group.remove",
    "job.cancel",
    "job.pause",
    "job.resume",
    "job.undo",
    "journey.activate",
    "journey.archive",
    "journey.enter",
    "journey.move",
    "journey.pause",
    "journey.resume",
    "journey.save",
    "key.create",
    "key.revoke",
    "places.save",
    "rejection.replay",
    "run.cancel",
    "run.exit",
    "run.goto",
    "run.retry",
    "run.skip",
    "run.start",
    "segment.fill",
    "segment.save",
    "suppression.add",
    "suppression.export",
    "suppression.import",
    "suppression.remove",
    "template.save",
    "template.send",
    "test_recipients.save",
    "topic.save",
]
"""`noun.verb`: what is done. It may be done to another subject than its noun."""


@dataclass(frozen=True, slots=True)
class Action:
    """An action."""

    subject: SubjectKind
    words: str
    """What was done, with the subject in the place of `{}`."""


ACTIONS: Final[Mapping[ActionName, Action]] = {
    "brand.save": Action("brand", "saved brand {}"),
    "channel.freeze": Action("channel", "froze the marketing of {}"),
    "channel.save": Action("channel", "saved channel {}"),
    "channel.unfreeze": Action("channel", "let the marketing of {} go on"),
    "contact.change": Action("contact", "changed contact {}"),
    "contact.consent": Action("contact", "recorded a consent of contact {}"),
    "contact.create": Action("contact", "created contact {}"),
    "contact.erase": Action("erasure", "erased a contact: erasure {}"),
    "contact.export": Action("job", "exported contacts: job {}"),
    "contact.import": Action("job", "imported a file: job {}"),
    "contact.merge": Action("contact", "merged another contact into {}"),
    "coupon.add": Action("coupon", "added codes to pool {}"),
    "database.migrate": Action("database", "migrated the database to {}"),
    "file.remove": Action("file", "removed file {}"),
    "file.upload": Action("file", "uploaded file {}"),
    "group.add": Action("group", "added contacts to group {}"),
    "group.remove": Action("group", "removed contacts from group {}"),
    "job.cancel": Action("job", "cancelled job {}"),
    "job.pause": Action("job", "paused job {}"),
    "job.resume": Action("job", "resumed job {}"),
    "job.undo": Action("job", "undid the import of job {}"),
    "journey.activate": Action("journey", "activated journey {}"),
    "journey.archive": Action("journey", "archived journey {}"),
    "journey.enter": Action("journey", "entered many contacts into journey {}"),
    "journey.move": Action("journey", "moved the runs in flight of journey {}"),
    "journey.pause": Action("journey", "paused journey {}"),
    "journey.resume": Action("journey", "resumed journey {}"),
    "journey.save": Action("journey", "saved journey {}"),
    "key.create": Action("key", "made key {}"),
    "key.revoke": Action("key", "revoked key {}"),
    "places.save": Action("places", "saved places {}"),
    "rejection.replay": Action("rejection", "replayed what was rejected: {}"),
    "run.cancel": Action("run", "cancelled run {}"),
    "run.exit": Action("run", "ended run {}"),
    "run.goto": Action("run", "moved run {} to another step"),
    "run.retry": Action("run", "retried the send of run {}"),
    "run.skip": Action("run", "skipped a step of run {}"),
    "run.start": Action("run", "started run {}"),
    "segment.fill": Action("segment", "judged all contacts by segment {}"),
    "segment.save": Action("segment", "saved segment {}"),
    "suppression.add": Action("suppression", "suppressed an address: {}"),
    "suppression.export": Action("suppression", "exported suppressions: {}"),
    "suppression.import": Action("suppression", "imported suppressions: {}"),
    "suppression.remove": Action("suppression", "ended the suppression of {}"),
    "template.save": Action("template", "saved template {}"),
    "template.send": Action("template", "sent template {} as a test"),
    "test_recipients.save": Action("test_recipients", "saved test recipients {}"),
    "topic.save": Action("topic", "saved topic {}"),
}
"""Each action. A test compares its keys with `ActionName`."""
