"""A compiled mapping does what its plan means.

For every mapping that the checks find no error in, and every run of documents: the mapping
compiles, and the generated module and the reference interpreter send the same ops.
"""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

import tiledmap
from tests.comparing import described
from tiledmap.api import shipped
from tiledmap.runtime import Layout, Writer
from tiledmap.sinks.memory import MemorySink
from tiledmap.testing import strategies
from tiledmap.testing.interpreter import interpret

Documents = strategies.Documents


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mappings") / "generated.yaml"


def send(layout: Layout, documents: Documents) -> list[Any]:
    """The ops that a layout makes of documents, as plain data."""
    sink = MemorySink()
    with Writer(layout, sink, delivery="inline", flush_rows=4, flush_seconds=3600.0) as writer:
        for name, document in documents:
            writer(name, document)
    return [described(op) for op in sink.ops]


@given(text=strategies.mappings(), run=strategies.runs())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_generated_code_does_what_the_interpreter_does(
    place: Path, text: str, run: Documents
) -> None:
    place.write_text(text)
    mapping = tiledmap.load(place)

    assert send(mapping.layout, run) == send(interpret(mapping.plan), run)


@pytest.mark.parametrize("name", [mapping.name for mapping in shipped()])
@given(run=strategies.runs())
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_shipped_mappings_do_what_the_interpreter_does(name: str, run: Documents) -> None:
    mapping = tiledmap.load(name)

    assert send(mapping.layout, run) == send(interpret(mapping.plan), run)


@given(text=strategies.mappings())
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
def test_equal_mappings_compile_to_equal_text(place: Path, text: str) -> None:
    place.write_text(text)

    assert tiledmap.load(place).compile() == tiledmap.load(place).compile()
