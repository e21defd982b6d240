"""The words of an expression, whole or not, and the names that it can use where it stands."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from tiledmap.check.scopes import SCOPES, types_of_names, with_kwargs
from tiledmap.check.typing import infer
from tiledmap.check.usage import EXPRESSION_FIELDS, SECTIONS
from tiledmap.documents.types import ANY, TEXT, Type
from tiledmap.editor.cursor import Cursor, Level
from tiledmap.language import nodes
from tiledmap.language.expressions import parse_expression
from tiledmap.language.shapes import Kind
from tiledmap.language.yaml_source import ScalarNode

_NUMBERED = ("parameters", "template")
"""Where a text is asked anew for every file."""
_TEXTS = (Kind.TEXT, Kind.FREE, Kind.ENTRY)
_STEP = r"\s*\.\s*[A-Za-z_]\w*|\s*\[\s*(?:\"[^\"]*\"|'[^']*'|\d+)\s*\]"
_PATH = rf"(?P<path>[A-Za-z_]\w*(?:{_STEP})*)"
_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_WORDS = re.compile(rf"{_QUOTED}|{_PATH}(?P<call>\s*\()?")
_UNFINISHED = re.compile(rf"(?:{_PATH}\s*\.\s*)?(?P<word>[A-Za-z_]\w*)?$")


@dataclass(frozen=True, slots=True)
class Word:
    """A name or a step of a path, with the steps before it.

    Parameters
    ----------
    root
        The name that the path begins with.
    steps
        The steps up to the one that is meant, that one included; none for the name itself.
    start, end
        Where it stands in the scalar's value.
    is_call
        Whether it is the name of a function that is called.
    """

    root: str
    steps: tuple[str | int, ...]
    start: int
    end: int
    is_call: bool = False


def expression_around(cursor: Cursor) -> tuple[int, int] | None:
    """Find where the expression around a place begins and ends in the scalar; None for none."""
    if cursor.scalar is None or cursor.on_key:
        return None
    if cursor.shape.kind is Kind.EXPRESSION:
        return 0, len(cursor.text)
    if cursor.shape.kind not in _TEXTS:
        return None
    start = cursor.before.rfind("${{")
    if start < 0 or "}}" in cursor.before[start:]:
        return None
    end = cursor.text.find("}}", cursor.offset)
    return start + 3, end if end >= 0 else len(cursor.text)


def word_at(cursor: Cursor) -> Word | None:
    """Find the word of an expression that a place is in."""
    around = expression_around(cursor)
    if around is None:
        return None
    for found in _WORDS.finditer(cursor.text, *around):
        if found["path"] is not None and found.start("path") <= cursor.offset <= found.end("path"):
            return _part(found.start("path"), found["path"], cursor.offset, bool(found["call"]))
    return None


def _part(start: int, path: str, offset: int, is_call: bool) -> Word:
    """Choose the part of a path that a place is in."""
    name = re.match(r"\w+", path)
    assert name is not None
    steps: list[str | int] = []
    begin, end = 0, name.end()
    for step in re.finditer(_STEP, path):
        if start + end >= offset:
            break
        steps.append(_step(step[0]))
        begin, end = step.start() + len(step[0]) - len(step[0].lstrip(" .")), step.end()
    return Word(name[0], tuple(steps), start + begin, start + end, is_call and not steps)


def _step(written: str) -> str | int:
    inner = written.strip(" .[]")
    return int(inner) if inner.isdigit() else inner.strip("'\"")


def unfinished_at(cursor: Cursor) -> tuple[str, tuple[str | int, ...], str] | None:
    """Read what is being written: the path before the last dot, and the word after it.

    The path's root is empty where a name is being written; None where no name can stand.
    """
    around = expression_around(cursor)
    if around is None:
        return None
    before = cursor.text[around[0] : cursor.offset]
    if re.search("['\"]", re.sub(_QUOTED, "", before)):  # in the middle of a text
        return None
    found = _UNFINISHED.search(before)
    if found is None or re.search(r"[\w.\])]\s*$", before[: found.start()]):
        return None
    if found["path"] is None:
        return "", (), found["word"] or ""
    path = _part(0, found["path"], len(found["path"]), False)
    return path.root, path.steps, found["word"] or ""


# ---------------------------------------------------------------- scope


def scope_at(cursor: Cursor, mapping: nodes.Mapping) -> Mapping[str, Type]:
    """Return the names that an expression can use at a place, and their types."""
    if cursor.levels[0].cls is not nodes.Mapping:
        return {"here": TEXT}  # the one hole of a test
    types = types_of_names(mapping)
    level = cursor.level
    names = {name: types[name] for name in SCOPES[_section(cursor)]}
    own = find(mapping, cursor.levels)
    match own:
        case nodes.ResourceRepair(kwargs=kwargs):
            names["resource"] = with_kwargs(types["resource"], "resource_kwargs", kwargs, True)
        case nodes.DatumRepair(kwargs=kwargs):
            names["datum"] = with_kwargs(types["datum"], "datum_kwargs", kwargs, True)
    if level.field is not None and (level.field.name, cursor.keys[-1]) == _NUMBERED:
        names["index"] = types["index"]
    bound = level.node.get("as")
    if isinstance(bound, ScalarNode) and level.field is not None and level.field.name != "each":
        names[bound.value] = _item_type(level, names)
    return names


def _section(cursor: Cursor) -> str:
    section = "constants"
    for level in cursor.levels:
        name = level.field.name if level.field is not None else ""
        section = SECTIONS.get((level.cls, name), section)
        if level.cls is nodes.Column:
            section = "key columns" if level.node.get("keys") is not None else "columns"
        use = EXPRESSION_FIELDS.get((level.cls, name))
        if use is not None and use.section is not None:
            section = use.section
    return "run stop" if cursor.keys[:3] == ("run", "metadata", "stop") else section


def _item_type(level: Level, names: Mapping[str, Type]) -> Type:
    """Return the type of the items that an entry is repeated for."""
    each = level.node.get("each")
    tree = parse_expression(each)[0] if isinstance(each, ScalarNode) else None
    if tree is None:
        return ANY
    items, _ = infer(tree, names)
    return items.item if items.kinds == {"array"} else ANY


def find(mapping: nodes.Mapping, levels: tuple[Level, ...]) -> nodes.Node | None:
    """Find the statement of a mapping at the same place: by field, and by the names of rules."""
    node: nodes.Node = mapping
    for level, below in pairwise(levels):
        if level.field is None or not isinstance(node, level.cls):
            return None
        value = getattr(node, level.field.name)
        inner = value
        if isinstance(value, tuple):
            inner = next((each for each in value if _named(each) == below.name), None)
        elif isinstance(value, dict):
            inner = value.get(below.key)
        if not isinstance(inner, nodes.Node):
            return None
        node = inner
    return node


def _named(each: object) -> str | None:
    return each.name if isinstance(each, nodes.Rule) else None
