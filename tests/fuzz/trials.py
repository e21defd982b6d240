"""What may not happen, whatever a mapping or an expression says."""

import logging
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

import tiledmap
from tests.fuzz.hostile import hostile
from tests.fuzz.mutations import mutate
from tiledmap.api import examine
from tiledmap.problems import CODES, Problem

RUN: list[tuple[str, dict[str, Any]]] = [
    ("start", {"uid": "run-1", "time": 1.0, "scan_id": 1, "sample_name": "Ni/foil"}),
    (
        "descriptor",
        {
            "uid": "d-1",
            "run_start": "run-1",
            "time": 1.0,
            "name": "primary",
            "data_keys": {
                "x": {"dtype": "number", "shape": [], "source": "s"},
                "a": {"dtype": "array", "shape": [2], "source": "s"},
            },
        },
    ),
    (
        "event",
        {
            "uid": "e-1",
            "descriptor": "d-1",
            "seq_num": 1,
            "time": 2.0,
            "data": {"x": 1.5, "a": [1.0, 2.0]},
            "timestamps": {"x": 2.0, "a": 2.0},
        },
    ),
    ("stop", {"uid": "s-1", "run_start": "run-1", "time": 3.0, "exit_status": "success"}),
]


class ForbiddenError(AssertionError):
    """Something was reached that an expression must not reach."""


_WATCHED = (
    "open",
    "os.",
    "subprocess.",
    "socket.",
    "shutil.",
    "ctypes.",
    "import",
    "exec",
    "compile",
)
_watching: list[str] | None = None


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching is not None and event.startswith(_WATCHED):
        _watching.append(f"{event} {arguments[:1]}")


@contextmanager
def watched() -> Iterator[None]:
    """Fail where anything outside of plain computing is done: files, processes, imports, code."""
    global _watching
    if not getattr(sys, "_tiledmap_fuzz_watches", False):
        sys.addaudithook(_audit)
        sys._tiledmap_fuzz_watches = True  # type: ignore[attr-defined]
    _watching = []
    try:
        yield
        seen = _watching
    finally:
        _watching = None
    if seen:
        raise ForbiddenError(seen)


@contextmanager
def silence() -> Iterator[None]:
    """What a run-time problem logs is not of interest here."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def check_problems(problems: list[Problem]) -> None:
    """Each problem has a known code, a message and a position."""
    for problem in problems:
        assert problem.code in CODES
        assert problem.message
        assert problem.span.line >= 1, problem
        assert problem.span.column >= 1, problem


def try_mapping(original: str, chance: random.Random, home: Path) -> bool:
    """Whether a broken mapping still compiles; if it does not, it has a problem with a position."""
    file = home / "mapping.yaml"
    file.write_bytes(mutate(original, chance).encode("utf-8", "surrogatepass"))
    examined = examine(file)
    check_problems(examined.problems)
    if examined.has_errors:
        return False
    with silence():
        tiledmap.load(file).preview(RUN)
    return True


def try_expression(chance: random.Random, home: Path, warm: bool = True) -> bool:
    """Whether a hostile expression is let in; if so, running it touches nothing but documents."""
    source = hostile(chance)
    place = chance.choice(("metadata", "when", "column"))
    file = home / "mapping.yaml"
    file.write_text(yaml.safe_dump(_with(place, source)), encoding="utf-8")
    examined = examine(file)
    check_problems(examined.problems)
    if examined.has_errors:
        return False
    mapping = tiledmap.load(file)
    layout = mapping.layout
    assert layout.name == "hostile"
    with silence():
        mapping.preview(RUN)  # what is imported for the first time is imported here
        with watched():
            mapping.preview(RUN)
    return True


def _with(place: str, source: str) -> dict[str, Any]:
    mapping: dict[str, Any] = {
        "tiledmap": 1,
        "name": "hostile",
        "version": "1.0.0",
        "extends": "bluesky-v3@^3",
    }
    match place:
        case "metadata":
            copies = {"start": {"copy": "start"}, "stop": {"copy": "stop"}}
            mapping["run"] = {"metadata": {**copies, "x": f"${{{{ {source} }}}}"}}
        case "when":
            rule = {"name": "maybe", "when": source, "drop": "in this case"}
            mapping["streams"] = [rule]
        case "column":
            columns = {"append": [{"column": "extra", "type": "string", "from": source}]}
            table = {"name": "internal", "columns": columns}
            mapping["streams"] = [{"name": "every-stream", "tables": [table]}]
    return mapping
