"""Mappings from text, ready to be checked, in tests."""

import datetime
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

from tiledmap.check.subject import Subject
from tiledmap.language.extends import merge
from tiledmap.language.nodes import Mapping
from tiledmap.language.parse import parse_mapping
from tiledmap.language.settings import settle
from tiledmap.language.yaml_source import read_source
from tiledmap.problems import Problem

SHIPPED = Path(__file__).parents[2] / "mappings"
TODAY = datetime.date(2026, 1, 31)
HEADER = "tiledmap: 1\nname: beamline\nversion: 1.0.0\n"


def read(text: str | Path) -> Mapping:
    """Parse a mapping that is right, on its own; the header may be left out."""
    if isinstance(text, str):
        text = dedent(text)
        text = text if "tiledmap: 1" in text else HEADER + text
    source, problems = read_source(text)
    assert source is not None
    mapping, found = parse_mapping(source)
    assert not [*problems, *found]
    assert mapping is not None
    return mapping


def shipped(name: str) -> Mapping:
    """Read a shipped mapping with what it extends."""
    own = read(SHIPPED / f"{name}.yaml")
    parent = shipped(own.extends.partition("@")[0]) if own.extends else None
    mapping, problems = merge(parent, own)
    assert not problems
    return mapping


def subject_of(mapping: Mapping, **settings: Any) -> Subject:
    """Make a subject of a merged mapping."""
    values, problems = settle(mapping.settings, settings)
    assert not problems
    return Subject(mapping, values, TODAY)


def beamline(text: str, **settings: Any) -> Subject:
    """Check this mapping as it stands on bluesky-v3."""
    mapping, problems = merge(shipped("bluesky-v3"), read(text))
    assert not problems
    return subject_of(mapping, **settings)


def alone(text: str, **settings: Any) -> Subject:
    """Check this mapping as it stands on nothing."""
    mapping, problems = merge(None, read(text))
    assert not problems
    return subject_of(mapping, **settings)


def codes(check: Callable[[Subject], Iterator[Problem]], subject: Subject) -> list[str]:
    """Return the codes of what a check finds, in order."""
    return [problem.code for problem in check(subject)]


def only(check: Callable[[Subject], Iterator[Problem]], subject: Subject) -> Problem:
    """Return the one problem that a check finds."""
    (problem,) = check(subject)
    return problem
