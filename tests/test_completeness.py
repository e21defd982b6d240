"""Every keyword of the language exists everywhere, or a test here says where it is missing.

`everything.yaml` has each keyword once. A keyword whose removal leaves the plan as it was does
nothing; a field of a step whose change leaves the generated module as it was is not compiled.
"""

import dataclasses
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import tiledmap
from tiledmap.codegen.module import generate
from tiledmap.language import nodes
from tiledmap.language.expressions import Expr, Literal
from tiledmap.language.load import Resolved, resolve
from tiledmap.outline.compare.compare import compare
from tiledmap.outline.compare.values import Side
from tiledmap.outline.make import make_outline
from tiledmap.plan.lower import lower
from tiledmap.plan.steps import FieldTest, Plan
from tiledmap.plan.text import format_plan

EVERYTHING = Path(__file__).parent / "mappings" / "valid" / "everything.yaml"

IN_CHILDREN_ONLY = {
    ("Mapping", "extends"),
    ("Items", "prepend"),
    ("Items", "append"),
    ("Rule", "remove"),
}
"""What only an extending mapping says; the tests of `extends` hold it to its meaning."""

FOR_PEOPLE_AND_CHECKS = {
    ("Mapping", "description"): "text",
    ("Mapping", "profile"): "decides what `check.readable` proves",
    ("Mapping", "requires"): "checked before anything else",
    ("Mapping", "moved"): "for diff and for readers",
    ("Mapping", "tiledmap"): "checked before anything else",
    ("Mapping", "settings"): "their values are in the plan already",
    ("Requires", "tiledmap"): "checked before anything else",
    ("Requires", "event_model"): "checked before anything else",
    ("Source", "event_model"): "checked before anything else",
    ("Setting", "*"): "decides a value, which is in the plan already",
    ("Moved", "*"): "for diff and for readers",
    ("Hook", "help"): "text",
    ("*", "reason"): "text",
    ("*", "over"): "decides what `check.unambiguous` proves",
    ("StreamRule", "events"): "shown, and proved by `check.total`",
}
"""Fields that need not change a plan, and why."""

IN_NO_OUTLINE = {
    ("Mapping", "profile"): "`free` is what holds where nothing is said",
    ("*", "over"): "decides an order, which is that of the file already",
}
"""Fields that need not change an outline here, nor be a difference, and why."""

NOT_COMPILED = {
    ("Plan", "settings"): "are in the expressions already",
    ("StreamStep", "not_stored"): "a reason, for people",
    ("Copy", "at"): "a comment where the copy is a function of its own",
    ("Entry", "at"): "a comment where the entry is a statement of its own",
    ("Values", "at"): "shown",
    ("Copy", "without"): "its reasons are for people",
    ("StoreStep", "name"): "shown",
    ("StreamStep", "name"): "shown; a stream that is stored has it in the module, too",
    ("AssetStep", "name"): "shown; a rule that reads files has it in the module, too",
    ("Reshape", "at"): "shown",
}
"""Fields of steps that need not change the module, and why."""


@pytest.fixture(scope="module", autouse=True)
def facility() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EVERYTHING.parent)
        yield


@pytest.fixture(scope="module")
def everything(facility: None) -> Resolved:
    return resolve(EVERYTHING)


@pytest.fixture(scope="module")
def plan(facility: None) -> Plan:
    return tiledmap.load(EVERYTHING).plan


def excused(table: Any, owner: str, field: str) -> bool:
    return any(key in table for key in [(owner, field), (owner, "*"), ("*", field)])


def test_everything_has_no_problems() -> None:
    assert tiledmap.validate(EVERYTHING) == []


# ---------------------------------------------------------------- keywords


def node_classes() -> Iterator[type[nodes.Node]]:
    """Every class of the language that a mapping can hold."""
    waiting = list(nodes.Node.__subclasses__())
    while waiting:
        found = waiting.pop()
        waiting.extend(found.__subclasses__())
        if found.__module__ == nodes.__name__ and "[" not in found.__name__:
            yield found


def nodes_in(
    value: Any, path: tuple[Any, ...] = ()
) -> Iterator[tuple[tuple[Any, ...], nodes.Node]]:
    """Every statement below a value, with its path."""
    if isinstance(value, nodes.Node):
        yield path, value
        for field in type(value).model_fields:
            yield from nodes_in(getattr(value, field), (*path, field))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from nodes_in(item, (*path, key))
    elif isinstance(value, tuple):
        for position, item in enumerate(value):
            yield from nodes_in(item, (*path, position))


def name_of(node: nodes.Node) -> str:
    return type(node).__name__.partition("[")[0]


def declaring(cls: type[nodes.Node], field: str) -> str:
    """The name of the class that declares a field of `cls`."""
    owners = [base for base in cls.__mro__ if field in getattr(base, "__annotations__", {})]
    return owners[-1].__name__.partition("[")[0]


def test_everything_says_every_keyword(everything: Resolved) -> None:
    said = {
        (declaring(type(node), field), field)
        for _, node in nodes_in(everything.mapping)
        for field in node.given
    }
    known = {(declaring(cls, field), field) for cls in node_classes() for field in cls.model_fields}

    missing = sorted(known - said - IN_CHILDREN_ONLY)
    assert missing == [], f"say these in {EVERYTHING.name}"


def changed(value: Any, path: tuple[Any, ...], field: str) -> Any:
    """A copy of a mapping with one field of one statement put back to its default."""
    if not path:
        default = type(value).model_fields[field].get_default(call_default_factory=True)
        return value.model_copy(update={field: default})
    step, *rest = path
    if isinstance(value, BaseModel):
        return value.model_copy(update={step: changed(getattr(value, step), tuple(rest), field)})
    if isinstance(value, dict):
        return {**value, step: changed(value[step], tuple(rest), field)}
    items = list(value)
    items[step] = changed(items[step], tuple(rest), field)
    return tuple(items)


def test_every_keyword_changes_the_plan(everything: Resolved) -> None:
    assert everything.mapping is not None
    settings, digest = everything.settings, everything.sha256
    whole = format_plan(lower(everything.mapping, settings, digest))
    idle = set()
    for path, node in nodes_in(everything.mapping):
        for field in node.given:
            optional = not type(node).model_fields[field].is_required()
            if not optional or excused(FOR_PEOPLE_AND_CHECKS, name_of(node), field):
                continue
            try:
                without = lower(changed(everything.mapping, path, field), settings, digest)
            except AssertionError:
                continue  # a plan cannot do without it
            if format_plan(without) == whole:
                idle.add((name_of(node), field))

    assert not idle, "these keywords do nothing"


def test_every_keyword_changes_the_outline_and_is_a_difference(everything: Resolved) -> None:
    assert everything.mapping is not None
    whole = Side(everything.mapping, make_outline(everything.mapping, everything.settings))
    asked, outlined, told = set(), set(), set()
    for path, node in nodes_in(everything.mapping):
        for field in node.given:
            optional = not type(node).model_fields[field].is_required()
            if not optional or excused(IN_NO_OUTLINE, name_of(node), field):
                continue
            mapping = changed(everything.mapping, path, field)
            if mapping.run is None:
                continue  # there is no outline without a run
            without = Side(mapping, make_outline(mapping, everything.settings))
            keyword = (name_of(node), field)
            asked.add(keyword)
            if without.outline != whole.outline:
                outlined.add(keyword)
            if compare(whole, without).changes:
                told.add(keyword)

    assert asked - outlined == set(), "the outline does not show these keywords"
    assert asked - told == set(), "`tiledmap diff` does not tell of these keywords"


# ---------------------------------------------------------------- steps


def steps_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every step of a plan, with its path."""
    if dataclasses.is_dataclass(value) and not isinstance(value, Expr):
        yield path, value
        for field in dataclasses.fields(value):
            yield from steps_in(getattr(value, field.name), (*path, field.name))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from steps_in(item, (*path, key))
    elif isinstance(value, tuple):
        for position, item in enumerate(value):
            yield from steps_in(item, (*path, position))


def plain_fields(step: Any) -> Iterator[tuple[str, Any]]:
    """Fields of a step that are set and are not steps themselves."""
    for field in dataclasses.fields(step):
        value = getattr(step, field.name)
        if (
            isinstance(step, FieldTest)
            and step.field in ("stored", "shape")
            and field.name != "values"
        ):
            continue  # what these are is one thing: no other subject, field or relation fits
        if value and (isinstance(value, Expr) or not dataclasses.is_dataclass(value)):
            yield field.name, value


def different(value: Any) -> Any:
    """Another value of the same kind."""
    match value:
        case Enum():
            return next(member for member in type(value) if member is not value)
        case bool():
            return not value
        case int():
            return value + 1
        case str():
            return f"{value}_x"
        case Expr():
            return Literal("another")
        case dict() | tuple():
            return type(value)()
    return None


def replaced(value: Any, path: tuple[Any, ...], field: str) -> Any:
    """A copy of a plan with one field of one step changed."""
    if not path:
        return dataclasses.replace(value, **{field: different(getattr(value, field))})
    step, *rest = path
    if dataclasses.is_dataclass(value):
        inner = replaced(getattr(value, step), tuple(rest), field)
        return dataclasses.replace(value, **{step: inner})  # type: ignore[type-var]
    if isinstance(value, dict):
        return {**value, step: replaced(value[step], tuple(rest), field)}
    items = list(value)
    items[step] = replaced(items[step], tuple(rest), field)
    return tuple(items)


def test_every_field_of_a_step_is_compiled(plan: Plan) -> None:
    whole = generate(plan)
    idle = set()
    for path, step in steps_in(plan):
        owner = type(step).__name__
        for field, _ in plain_fields(step):
            if excused(NOT_COMPILED, owner, field):
                continue
            if generate(replaced(plan, path, field)) == whole:
                idle.add((owner, field))

    assert not idle, "the code generator does not look at these"


def test_every_field_of_a_step_is_shown(plan: Plan) -> None:
    whole = format_plan(plan)
    idle = set()
    for path, step in steps_in(plan):
        for field, _ in plain_fields(step):
            if format_plan(replaced(plan, path, field)) == whole:
                idle.add((type(step).__name__, field))

    assert not idle, "`tiledmap show --plan` does not print these"
