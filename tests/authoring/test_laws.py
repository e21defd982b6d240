"""Whatever was recorded, the first mapping is valid, and keeps what its base would not."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

import tiledmap
from tiledmap.authoring.draft import Draft
from tiledmap.authoring.drafting import Drafted, draft_mapping
from tiledmap.authoring.settle import problems_of
from tiledmap.authoring.write import write
from tiledmap.documents.recordings import NamedDocument, read_documents
from tiledmap.testing.strategies import runs

RUNS = Path(__file__).parents[1] / "runs"
RECORDINGS = sorted(RUNS.rglob("*.jsonl*")) + sorted(RUNS.rglob("*.msgpack"))
WHERE = Path("recorded.yaml")


def drafted(documents: list[NamedDocument], extends: str | None = None) -> Drafted:
    return draft_mapping([("run.jsonl", documents)], WHERE, "recorded", extends)


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_what_is_drafted_from_a_recording_is_valid_and_stores_it(
    recording: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    documents = list(read_documents(recording))
    draft = drafted(documents)
    path = tmp_path / "recorded.yaml"
    path.write_text(draft.text, "utf-8")
    assert tiledmap.validate(path) == []
    tree = tiledmap.load(path).preview(documents).tree
    starts = [document["uid"] for name, document in documents if name == "start"]
    assert {(uid,) for uid in starts} <= tree.keys()
    asked = set(asked_about(draft))
    lost = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert [text for text in lost if not any(name in text for name in asked)] == []
    for answered in answered_at_once(draft.draft):
        assert problems_of(answered, WHERE) == [], answered


def asked_about(draft: Drafted) -> Iterator[str]:
    """Specs and data keys that no mapping can store before somebody says what they are."""
    specs = {spec.spec for spec in draft.survey.specs if spec.mimetype is None or spec.refused}
    yield from specs
    urgent = [question.about[0] for question in draft.draft.questions if question.urgent]
    for key in draft.survey.keys:
        if any(each.refused for each in key.files):
            names = {key.name, *(each.spec for each in key.files)}
            assert any(name in text for name in names for text in urgent), key.name
            yield key.name


def answered_at_once(draft: Draft) -> Iterator[str]:
    """The mapping with the first answer to each question given, then the second, and so on."""
    for number in range(max((len(each.answers) for each in draft.questions), default=0)):
        yield write(
            replace(
                draft,
                statements=tuple(
                    replace(each, chosen=number)
                    if each.is_question and number < len(each.answers)
                    else each
                    for each in draft.statements
                ),
            )
        )


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(runs())
def test_what_is_drafted_from_any_run_is_valid(documents: list[NamedDocument]) -> None:
    draft = drafted(documents)
    assert problems_of(draft.text, WHERE) == [], draft.text
