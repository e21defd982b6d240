"""What a compiled mapping says of files is what its plan says of them, whatever the documents."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tiledmap
from tiledmap.api import shipped
from tiledmap.runtime import AssetRule, Layout
from tiledmap.testing import strategies
from tiledmap.testing.evaluate import RUN_TIME_ERRORS
from tiledmap.testing.interpreter import interpret

Document = dict[str, Any]


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mappings") / "generated.yaml"


def told(value: Any, index: int, *documents: Document) -> Any:
    """A rule, or what it says, as plain data: functions called with documents, or a number."""
    match value:
        case AssetRule():
            return {name: told(inner, index, *documents) for name, inner in own_fields(value)}
        case dict():
            return {key: told(item, index) for key, item in value.items()}
        case list():
            return [told(item, index) for item in value]
        case tuple():
            return [told(item, index, *documents) for item in value]
        case type():
            return value
        case _ if callable(value):
            return told(outcome(value, *documents or [index]), index)
        case _ if hasattr(value, "__dataclass_fields__"):
            return {name: told(inner, index, *documents) for name, inner in own_fields(value)}
        case _:
            return value


def own_fields(value: Any) -> list[tuple[str, Any]]:
    return [(field.name, getattr(value, field.name)) for field in fields(value)]


def outcome(function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except RUN_TIME_ERRORS:
        return "fails"


def said_of_files(
    layout: Layout,
    start: Document,
    resource: Document,
    datum: Document,
    stream_resource: Document,
    index: int,
) -> Any:
    """All that the rules of files say, the decision for a stream resource included."""
    repairs = layout.repairs
    assert layout.select_asset is not None
    return {
        "unmapped": repairs.unmapped,
        "roots": [told(rule, index, start) for rule in repairs.roots],
        "resources": [told(rule, index, start, resource) for rule in repairs.resources],
        "datums": [told(rule, index, start, resource, datum) for rule in repairs.datums],
        "asset": told(
            outcome(layout.select_asset, start, stream_resource), index, start, stream_resource
        ),
    }


DOCUMENTS = st.tuples(
    strategies.starts(),
    strategies.resources(),
    strategies.datums(),
    strategies.stream_resources(),
    st.integers(0, 1000),
)


@given(text=strategies.mappings(), documents=DOCUMENTS)
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_generated_rules_say_what_the_interpreter_says(
    place: Path, text: str, documents: Any
) -> None:
    place.write_text(text)
    mapping = tiledmap.load(place)

    assert said_of_files(mapping.layout, *documents) == said_of_files(
        interpret(mapping.plan), *documents
    )


@pytest.mark.parametrize("name", [mapping.name for mapping in shipped()])
@given(documents=DOCUMENTS)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_rules_of_shipped_mappings_say_what_the_interpreter_says(name: str, documents: Any) -> None:
    mapping = tiledmap.load(name)

    assert said_of_files(mapping.layout, *documents) == said_of_files(
        interpret(mapping.plan), *documents
    )
