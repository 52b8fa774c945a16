"""The list of actions of the audit log agrees with what there is to save, and with its types."""

from typing import get_args

from api.definitions.documents import PLURALS
from cli.document_versions import Kind
from store.operations.audit_actions import ACTIONS, ActionName, SubjectKind


def test_each_action_has_its_words() -> None:
    assert list(get_args(ActionName)) == [*ACTIONS]
    assert {action.subject for action in ACTIONS.values()} == {*get_args(SubjectKind)}
    for name, action in ACTIONS.items():
        assert action.words.count("{}") == 1, name
        assert name.count(".") == 1, name


def test_each_kind_of_documents_has_an_action_and_a_history() -> None:
    saved = {action.subject for name, action in ACTIONS.items() if name.endswith(".save")}
    assert saved == {*PLURALS.values(), "journey"}
    assert [each.value for each in sorted(Kind)] == sorted(PLURALS)
