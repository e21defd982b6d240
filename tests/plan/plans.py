"""Plans of mappings, in tests."""

from typing import Any

from tests.check.subjects import beamline
from tests.reading import read_expression
from tiledmap.language.expressions import Expr
from tiledmap.plan.lower import lower
from tiledmap.plan.notation import Notation
from tiledmap.plan.steps import Plan

SHA256 = "0" * 64


def plan_of_beamline(text: str, **settings: Any) -> Plan:
    """The plan of a mapping as it stands on bluesky-v3."""
    subject = beamline(text, **settings)
    return lower(subject.mapping, subject.settings, SHA256)


def read(source: str) -> Expr:
    return read_expression(source)


def written(expr: Expr) -> str:
    return Notation().write(expr)
