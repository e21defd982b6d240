"""Whatever was recorded, the first mapping is valid, and keeps what its base would not."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tiledmap
from tiledmap.authoring.draft import Draft, Statement
from tiledmap.authoring.drafting import Drafted, draft_mapping
from tiledmap.authoring.settle import problems_of
from tiledmap.authoring.write import write
from tiledmap.documents.recordings import NAMES, NamedDocument, read_documents
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


def can_be_answered(statement: Statement) -> bool:
    """Whether it is a question, and not what the checks have refused."""
    return statement.is_question and not statement.about[-1].startswith("Not said")


def answered_at_once(draft: Draft) -> Iterator[str]:
    """The mapping with the first answer to each question given, then the second, and so on."""
    for number in range(max((len(each.answers) for each in draft.questions), default=0)):
        yield write(
            replace(
                draft,
                statements=tuple(
                    replace(each, chosen=number)
                    if can_be_answered(each) and number < len(each.answers)
                    else each
                    for each in draft.statements
                ),
            )
        )


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(runs())
def test_what_is_drafted_from_any_run_is_valid(documents: list[NamedDocument]) -> None:
    draft = drafted(documents)
    assert problems_of(draft.text, WHERE) == [], draft.text


ANY_TEXT = st.text(max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.dictionaries(
    st.text("ab*?[]{}: #'\"\n\u2028\x85|>-&!%@`$,é", max_size=8), JSON, max_size=4
)


@st.composite
def odd_documents(draw: st.DrawFn) -> list[NamedDocument]:
    """A run that says anything where it may, and some things where it may not."""
    names = draw(st.lists(ANY_TEXT, min_size=1, max_size=4, unique=True))
    dtypes = st.sampled_from(["number", "array", "string", "integer", "boolean"]) | ANY_TEXT
    described = {
        name: {
            "source": draw(ANY_TEXT),
            "dtype": draw(dtypes),
            "shape": draw(st.lists(st.integers(-1, 4) | st.none(), max_size=3) | JSON),
            **draw(st.fixed_dictionaries({}, optional={"dtype_str": ANY_TEXT, "units": ANY_TEXT})),
            **draw(st.fixed_dictionaries({}, optional={"external": st.just("FILESTORE:")})),
        }
        for name in names
    }
    run = {"run_start": "run-1", "time": 1.0}
    resource = {
        "uid": "res",
        "spec": draw(ANY_TEXT),
        "root": draw(ANY_TEXT | st.just("/data")),
        "resource_path": draw(ANY_TEXT),
        "resource_kwargs": draw(FIELDS),
    }
    rows = [{name: draw(JSON | st.just("res/0")) for name in names} for _ in range(2)]
    return [
        ("start", {"uid": "run-1", "time": 1.0, **draw(FIELDS)}),
        (
            "descriptor",
            {
                "uid": "d",
                **run,
                "name": draw(ANY_TEXT),
                "data_keys": described,
                "configuration": {},
                **draw(FIELDS),
            },
        ),
        ("resource", resource | run),
        ("datum", {"datum_id": "res/0", "resource": "res", "datum_kwargs": draw(FIELDS)}),
        *(
            (
                "event",
                {
                    "uid": str(number),
                    "descriptor": "d",
                    "time": 1.0,
                    "seq_num": number,
                    "data": row,
                    "timestamps": dict.fromkeys(names, 1.0),
                    "filled": {},
                },
            )
            for number, row in enumerate(rows, start=1)
        ),
        ("stop", {"uid": "s", **run, "exit_status": "success", **draw(FIELDS)}),
    ]


@pytest.mark.parametrize(
    "text", ["${{", "a${{ start.uid }}b", "x" * 700, "*[", "present", "\u2028\x85\n# x", "a/b"]
)
def test_documents_may_name_things_as_they_like(text: str) -> None:
    described = {"source": "x", "dtype": "array", "shape": [1, 4, 0], "external": "FILESTORE:"}
    run = {"run_start": "run-1", "time": 1.0}
    keys = {
        text: {"source": "x", "dtype": "integer", "shape": [], "dtype_str": text},
        "f": described,
        "g": {**described, "shape": [1, 4, 5]},
    }
    event = {"uid": "1", "descriptor": "d", "time": 1.0, "seq_num": 1, "filled": {}}
    place = {"indices": {"start": 0, "stop": 1}, "seq_nums": {"start": 1, "stop": 2}}
    files = {"uid": "sres", "data_key": "g", "mimetype": text, "uri": "file://localhost/a"}
    resource = {"uid": "res", "spec": text, "root": f"/{text}", "resource_path": text}
    documents = [
        ("start", {"uid": "run-1", "time": 1.0, text: 1, "deep": {text: 1}}),
        ("descriptor", {"uid": "d", **run, "name": f"live {text}", "data_keys": keys}),
        ("resource", {**resource, "resource_kwargs": {text: 1, "filename": "a"}}),
        ("datum", {"datum_id": "res/0", "resource": "res", "datum_kwargs": {text: 1}}),
        ("stream_resource", {**files, "parameters": {}, "run_start": "run-1"}),
        ("stream_datum", {"uid": "0", "stream_resource": "sres", "descriptor": "d", **place}),
        ("event", {**event, "data": {text: 1.5, "f": "res/0"}, "timestamps": {text: 1.0}}),
        ("stop", {"uid": "s", **run, "exit_status": "success", text: "1"}),
    ]
    draft = drafted(documents)
    assert problems_of(draft.text, WHERE) == [], draft.text
    assert {spec.spec for spec in draft.survey.specs} == {text}
    for answered in answered_at_once(draft.draft):
        assert problems_of(answered, WHERE) == [], answered


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(odd_documents())
def test_what_is_drafted_from_odd_documents_is_valid(documents: list[NamedDocument]) -> None:
    draft = drafted(documents)
    assert problems_of(draft.text, WHERE) == [], draft.text
    for answered in answered_at_once(draft.draft):
        assert problems_of(answered, WHERE) == [], answered


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(NAMES)), st.dictionaries(ANY_TEXT, JSON, max_size=4)),
        max_size=5,
    )
)
def test_what_is_no_run_is_passed_over(documents: list[NamedDocument]) -> None:
    draft = drafted(documents)
    assert problems_of(draft.text, WHERE) == [], draft.text
