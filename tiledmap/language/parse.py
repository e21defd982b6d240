"""Read a mapping's tree by the shape of each field: what is right becomes nodes.

A scalar means what its field says, so ``version: 1.10`` is the text ``1.10`` and ``name: NO`` is
the text ``NO``. A value that cannot be read is a problem and leaves its field out; everything
around it stays in place, so that one mistake hides no other.
"""

import datetime
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from tiledmap.language.expressions import parse_expression, parse_text
from tiledmap.language.nodes import (
    LANGUAGE_VERSION,
    AssetRule,
    DataKeyRepair,
    DataRule,
    Items,
    Mapping,
    Metadata,
    Node,
    Requires,
    Rule,
    SpecItem,
    Store,
    StreamRule,
    TagItem,
)
from tiledmap.language.scalars import Expression, Free, Patterns, Text
from tiledmap.language.shapes import METADATA_ENTRY, FieldShape, Kind, Shape, fields_of
from tiledmap.language.yaml_source import (
    Entry,
    MappingNode,
    ScalarNode,
    SequenceNode,
    Source,
    YamlNode,
)
from tiledmap.problems import Note, Problem, Span
from tiledmap.problems.nearest import did_you_mean

S = TypeVar("S", bound=Node)

_HOLE = "${{"
_STANDINS = {"tiledmap": LANGUAGE_VERSION, "name": "unnamed", "version": "0.0.0"}
"""Header fields of a mapping that lacks them, so that the rest of it is still read."""


def parse_mapping(source: Source) -> tuple[Mapping | None, list[Problem]]:
    """Read a mapping.

    Returns
    -------
    mapping
        What could be read; None where there is no mapping, or one of another language version.
    problems
        Everything that is wrong with this file taken alone.
    """
    root = source.root
    parser = _Parser()
    if not isinstance(root, MappingNode):
        message = f"a mapping file holds keys such as name and streams, not {_found(root)}"
        return None, [Problem("TM009", root.span, message)]
    if other := _other_language(root):
        return None, [other]
    mapping = parser.read_node(root, Mapping, _STANDINS)
    return (mapping if isinstance(mapping, Mapping) else None), parser.problems


def parse_requires(source: Source) -> Requires | None:
    """Read only what a mapping requires, which is judged before anything else in it."""
    node = source.root.get("requires") if isinstance(source.root, MappingNode) else None
    if not isinstance(node, MappingNode):
        return None
    requires = _Parser().read_node(node, Requires)
    return requires if isinstance(requires, Requires) else None


def parse_statement(node: YamlNode, cls: type[S]) -> tuple[S | None, list[Problem]]:
    """Read one statement, such as the top of a file that is no mapping but written like one."""
    parser = _Parser()
    statement = parser.read_node(node, cls)
    return (statement if isinstance(statement, cls) else None), parser.problems


def parse_json(node: YamlNode) -> tuple[Any, list[Problem]]:
    """Read JSON data; what of it cannot be read is left out."""
    parser = _Parser()
    value = parser.read(node, Shape(Kind.JSON))
    return (None if isinstance(value, _Bad) else value), parser.problems


def _other_language(root: MappingNode) -> Problem | None:
    node = root.get("tiledmap")
    if not isinstance(node, ScalarNode) or node.value in (str(LANGUAGE_VERSION), ""):
        return None
    message = f"version {node.value!r} of the mapping language is not known"
    hint = f"this tiledmap reads version {LANGUAGE_VERSION}"
    return Problem("TM012", node.span, message, hint=hint)


class _Bad:
    """The value of a field that could not be read; the problem has been reported."""


_BAD: Final = _Bad()


class _Parser:
    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def report(self, code: str, span: Span, message: str, hint: str = "") -> _Bad:
        self.problems.append(Problem(code, span, message, hint=hint))
        return _BAD

    def read(self, node: YamlNode, shape: Shape) -> Any:
        return _READERS[shape.kind](self, node, shape)

    # ------------------------------------------------------------ statements

    def read_node(
        self, node: YamlNode, cls: type[Node], standins: dict[str, Any] | None = None
    ) -> Node | _Bad:
        """Read a statement; `standins` stand in for required fields that cannot be read."""
        fields = fields_of(cls)
        if not isinstance(node, MappingNode):
            return self._not_a_statement(node, cls)
        values: dict[str, Any] = {}
        entries: dict[str, Metadata | Free] = {}
        places = _Places()
        torn = self._torn_expressions(node)
        for entry in node.entries:
            field = fields.get(entry.key.value)
            if field is None and issubclass(cls, Metadata):
                value = self._metadata_entry(entry)
                places.add(entry.key.value, entry)
                if not isinstance(value, _Bad):
                    entries[entry.key.value] = value
            elif field is None:
                if entry.key.value not in torn:
                    self._unknown_key(entry.key, fields)
            else:
                places.add(field.name, entry)
                value = _BAD if field.key in torn else self.read(entry.value, field.shape)
                if not isinstance(value, _Bad):
                    values[field.key] = value
        if entries:
            values["entries"] = entries
        self._missing(node, cls, fields, places)
        self.problems += _contradictions(cls, fields, values, places)
        built = self._build(node, cls, fields, values, standins or {})
        return (
            built
            if isinstance(built, _Bad)
            else built.located(node.span, places.keys, places.values)
        )

    def _not_a_statement(self, node: YamlNode, cls: type[Node]) -> _Bad:
        fields = fields_of(cls)
        required = [field.key for field in fields.values() if field.required]
        hint = f"its keys are {', '.join(fields)}"
        if isinstance(node, ScalarNode) and len(required) == 1 and not node.empty:
            hint = f"write {required[0]}: {node.value}"
        return self.report("TM009", node.span, f"expected a mapping, not {_found(node)}", hint)

    def _unknown_key(self, key: ScalarNode, fields: Iterable[str]) -> None:
        known = list(fields)
        hint = did_you_mean(key.value, known) or f"the keys here are {', '.join(known)}"
        self.report("TM005", key.span, f"the key {key.value!r} is not known here", hint)

    def _missing(
        self, node: MappingNode, cls: type[Node], fields: dict[str, FieldShape], places: "_Places"
    ) -> None:
        for field in fields.values():
            if field.required and field.name not in places.keys:
                hint = _description(cls, field.name)
                span = _start_of(node)
                self.report("TM011", span, f"the key {field.key!r} is missing", hint)

    def _build(
        self,
        node: MappingNode,
        cls: type[Node],
        fields: dict[str, FieldShape],
        values: dict[str, Any],
        standins: dict[str, Any],
    ) -> Node | _Bad:
        """Make the statement; fields whose values break a constraint are left out."""
        wanted = {**standins, **values}
        while all(field.key in wanted for field in fields.values() if field.required):
            try:
                return cls(**wanted)
            except ValidationError as error:
                for fault in error.errors(include_url=False):
                    key = str(fault["loc"][0])
                    if wanted.pop(key, None) is not None and key in standins:
                        wanted[key] = standins[key]
                    self.report("TM010", _span_at(node, fault["loc"]), *_constraint(fault))
        return _BAD

    def _torn_expressions(self, node: MappingNode) -> set[str]:
        """Find ``{from: first(a, b)}``, which YAML reads as two keys, and report it once."""
        torn: set[str] = set()
        entries = iter(node.entries)
        for entry in entries:
            value = entry.value
            if not isinstance(value, ScalarNode) or not value.plain or _open(value.value) <= 0:
                continue
            parts = [value.value]
            pieces: list[ScalarNode] = []
            for piece in entries:
                if not (isinstance(piece.value, ScalarNode) and piece.value.empty):
                    break
                pieces.append(piece.key)
                parts.append(piece.key.value)
                if _open(", ".join(parts)) <= 0:
                    whole = ", ".join(parts)
                    hint = f'quote the whole value: {entry.key.value}: "{whole}"'
                    key = pieces[0]
                    self.report("TM005", key.span, f"the key {key.value!r} is not known", hint)
                    torn |= {entry.key.value, *(each.value for each in pieces)}
                    break
        return torn

    def _metadata_entry(self, entry: Entry) -> Any:
        if _HOLE in entry.key.value:
            return self._hole(entry.key)
        return self.read(entry.value, METADATA_ENTRY)

    # ------------------------------------------------------------ collections

    def read_list(self, node: YamlNode, shape: Shape) -> tuple[Any, ...] | _Bad:
        assert shape.item is not None
        if not isinstance(node, SequenceNode):
            hint = f"write [{node.value}]" if isinstance(node, ScalarNode) and node.value else ""
            return self.report("TM009", node.span, f"expected a list, not {_found(node)}", hint)
        values = (self.read(item, shape.item) for item in node.items)
        return self._named_once(tuple(value for value in values if not isinstance(value, _Bad)))

    def _named_once(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        """Keep the first rule of each name."""
        first: dict[str, Rule] = {}
        for rule in values:
            if not isinstance(rule, Rule):
                return values
            if (other := first.setdefault(rule.name, rule)) is not rule:
                self.problems.append(
                    Problem(
                        "TM014",
                        rule.at("name"),
                        f"two rules of this list are named {rule.name!r}",
                        notes=(Note("the first one is here", other.at("name")),),
                    )
                )
        return tuple(first.values())

    def read_table(self, node: YamlNode, shape: Shape) -> dict[str, Any] | _Bad:
        assert shape.item is not None
        if not isinstance(node, MappingNode):
            return self._not_a_table(node, shape.item)
        table: dict[str, Any] = {}
        for entry in node.entries:
            if _HOLE in entry.key.value:
                self._hole(entry.key)
                continue
            value = self.read(entry.value, shape.item)
            if not isinstance(value, _Bad):
                table[entry.key.value] = value
        return table

    def _not_a_table(self, node: YamlNode, item: Shape) -> _Bad:
        if item.kind is Kind.REASON and not isinstance(node, MappingNode):
            hint = "write each field with its reason, as field: reason"
            return self.report("TM018", node.span, "each field needs a reason", hint)
        return self.report("TM009", node.span, f"expected a mapping, not {_found(node)}")

    def read_items(self, node: YamlNode, shape: Shape) -> Any:
        cls: type[Items[Any]] | None = shape.cls
        assert cls is not None
        if isinstance(node, MappingNode) and not any(map(node.get, fields_of(cls))):
            hint = "begin each item with '- '; to add to an inherited list write prepend or append"
            return self.report("TM009", node.span, "expected a list, not a mapping", hint)
        if isinstance(node, MappingNode):
            return self.read_node(node, cls)
        values = self.read_list(node, shape)
        if isinstance(values, _Bad):
            return _BAD
        return cls(items=values).located(node.span, {}, {"items": node.span})

    # ------------------------------------------------------------ scalars

    def scalar(self, node: YamlNode, shape: Shape) -> ScalarNode | _Bad:
        """Expect a scalar that is written at all."""
        if not isinstance(node, ScalarNode):
            message = f"expected {shape.noun}, not {_found(node)}"
            return self.report("TM009", node.span, message)
        if node.empty:
            hint = "write a value, or remove the key"
            return self.report("TM009", node.span, f"expected {shape.noun}, found nothing", hint)
        return node

    def literal(self, node: YamlNode, shape: Shape) -> ScalarNode | _Bad:
        """Expect a scalar without holes."""
        scalar = self.scalar(node, shape)
        return (
            self._hole(scalar)
            if isinstance(scalar, ScalarNode) and _HOLE in scalar.value
            else (scalar)
        )

    def _hole(self, node: ScalarNode) -> _Bad:
        start = node.value.index(_HOLE)
        end = node.value.find("}}", start)
        span = node.span_of(start, end + 2 if end >= 0 else len(node.value))
        return self.report("TM106", span, "only a literal may stand here, without ${{ }}")

    def unfit(self, node: ScalarNode, shape: Shape, hint: str = "") -> _Bad:
        message = f"{node.value!r} is not {shape.noun}"
        return self.report("TM010", node.span, message, hint)

    def read_string(self, node: YamlNode, shape: Shape) -> str | _Bad:
        scalar = self.literal(node, shape)
        return scalar if isinstance(scalar, _Bad) else scalar.value

    def read_reason(self, node: YamlNode, shape: Shape) -> str | _Bad:
        if isinstance(node, ScalarNode) and not re.search(r"\w", node.value):
            hint = "say why, in a few words"
            return self.report("TM018", node.span, "a reason is missing", hint)
        if isinstance(node, ScalarNode) and node.value.lower() in ("true", "false", "yes", "no"):
            hint = "say why, in a few words"
            return self.report("TM018", node.span, f"{node.value!r} is not a reason", hint)
        return self.read_string(node, shape)

    def read_integer(self, node: YamlNode, shape: Shape) -> int | _Bad:
        scalar = self.literal(node, shape)
        if isinstance(scalar, _Bad):
            return _BAD
        if scalar.plain and re.fullmatch(r"-?(0|[1-9][0-9]{0,18})", scalar.value):
            return int(scalar.value)
        return self.unfit(scalar, shape, _number_hint(scalar))

    def read_length(self, node: YamlNode, shape: Shape) -> int | _Bad | None:
        if isinstance(node, ScalarNode) and node.plain and node.value in _NULLS and node.value:
            return None
        return self.read_integer(node, shape)

    def read_number(self, node: YamlNode, shape: Shape) -> float | _Bad:
        scalar = self.literal(node, shape)
        if isinstance(scalar, _Bad):
            return _BAD
        number = r"-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,2})?"
        if scalar.plain and re.fullmatch(number, scalar.value):
            return float(scalar.value)
        return self.unfit(scalar, shape, _number_hint(scalar))

    def read_boolean(self, node: YamlNode, shape: Shape) -> bool | _Bad:
        scalar = self.literal(node, shape)
        if isinstance(scalar, _Bad):
            return _BAD
        if scalar.plain and scalar.value in _BOOLEANS:
            return _BOOLEANS[scalar.value]
        return self.unfit(scalar, shape)

    def read_date(self, node: YamlNode, shape: Shape) -> datetime.date | _Bad:
        scalar = self.literal(node, shape)
        if isinstance(scalar, _Bad):
            return _BAD
        try:
            if re.fullmatch(r"\d{4}-\d\d-\d\d", scalar.value, re.ASCII):
                return datetime.date.fromisoformat(scalar.value)
        except ValueError:
            pass
        return self.unfit(scalar, shape, "write year-month-day, as 2027-06-30")

    def read_choice(self, node: YamlNode, shape: Shape) -> Any:
        scalar = self.literal(node, shape)
        if isinstance(scalar, _Bad):
            return _BAD
        if scalar.value in shape.choices:
            return shape.cls(scalar.value) if shape.cls else int(scalar.value)
        hint = did_you_mean(scalar.value, shape.choices)
        message = f"{scalar.value!r} is not one of {', '.join(shape.choices)}"
        return self.report("TM010", scalar.span, message, hint)

    def read_expression(self, node: YamlNode, shape: Shape) -> Expression | _Bad:
        scalar = self.scalar(node, shape)
        if isinstance(scalar, _Bad):
            return _BAD
        tree, problems = parse_expression(scalar)
        self.problems += problems
        return Expression(scalar.value, tree, scalar.span)

    def read_text(self, node: YamlNode, shape: Shape) -> Text | _Bad:
        scalar = self.scalar(node, shape)
        return scalar if isinstance(scalar, _Bad) else self.text(scalar)

    def text(self, scalar: ScalarNode) -> Text:
        if _HOLE not in scalar.value:
            return Text(scalar.value, (scalar.value,) if scalar.value else (), scalar.span)
        parts, problems = parse_text(scalar)
        self.problems += problems
        return Text(scalar.value, (scalar.value,) if parts is None else parts, scalar.span)

    def read_patterns(self, node: YamlNode, shape: Shape) -> Patterns | _Bad:
        nodes: Sequence[YamlNode] = node.items if isinstance(node, SequenceNode) else (node,)
        scalars = [self.literal(item, shape) for item in nodes]
        if not scalars:
            return self.report("TM010", node.span, "an empty list fits nothing")
        texts: list[str] = []
        for scalar in scalars:
            if isinstance(scalar, _Bad):
                return _BAD
            if len(scalars) > 1 and scalar.value in ("present", "absent"):
                message = f"{scalar.value!r} stands alone, not in a list"
                return self.report("TM010", scalar.span, message)
            texts.append(scalar.value)
        return Patterns(tuple(texts), node.span)

    # ------------------------------------------------------------ free values

    def read_free(self, node: YamlNode, shape: Shape) -> Free | _Bad:
        if isinstance(node, SequenceNode):
            items = (self.read_free(item, shape) for item in node.items)
            return Free(tuple(i for i in items if not isinstance(i, _Bad)), node.span)
        if isinstance(node, MappingNode):
            table = self.read_table(node, Shape(Kind.TABLE, item=Shape(Kind.FREE)))
            return table if isinstance(table, _Bad) else Free(table, node.span)
        value = self._core_value(node)
        if isinstance(value, str):
            value = self.text(node)
        return value if isinstance(value, _Bad) else Free(value, node.span, node.value)

    def read_json(self, node: YamlNode, shape: Shape) -> Any:
        if isinstance(node, SequenceNode):
            items = (self.read_json(item, shape) for item in node.items)
            return [item for item in items if not isinstance(item, _Bad)]
        if isinstance(node, MappingNode):
            return self.read_table(node, Shape(Kind.TABLE, item=Shape(Kind.JSON)))
        return self._hole(node) if _HOLE in node.value else self._core_value(node)

    def _core_value(self, node: ScalarNode) -> Any:
        """Read a scalar by the YAML 1.2 core schema."""
        text = node.value
        if not node.plain:
            return text
        if text in _NULLS:
            return None
        if text in _BOOLEANS:
            return _BOOLEANS[text]
        if len(text) > 100 and re.fullmatch(r"[-+.\d]+", text, re.ASCII):
            return self.report("TM010", node.span, "this number has too many digits")
        for pattern, convert in _NUMBERS:
            if pattern.fullmatch(text):
                return convert(text)
        return text

    def read_entry(self, node: YamlNode, shape: Shape) -> Any:
        if _copies(node):
            return self.read_node(node, Metadata)
        return self.read_free(node, shape)


_READERS: dict[Kind, Callable[[_Parser, YamlNode, Shape], Any]] = {
    Kind.STRING: _Parser.read_string,
    Kind.REASON: _Parser.read_reason,
    Kind.INTEGER: _Parser.read_integer,
    Kind.LENGTH: _Parser.read_length,
    Kind.NUMBER: _Parser.read_number,
    Kind.BOOLEAN: _Parser.read_boolean,
    Kind.DATE: _Parser.read_date,
    Kind.ENUM: _Parser.read_choice,
    Kind.LITERAL: _Parser.read_choice,
    Kind.EXPRESSION: _Parser.read_expression,
    Kind.TEXT: _Parser.read_text,
    Kind.PATTERNS: _Parser.read_patterns,
    Kind.FREE: _Parser.read_free,
    Kind.JSON: _Parser.read_json,
    Kind.LIST: _Parser.read_list,
    Kind.TABLE: _Parser.read_table,
    Kind.NODE: lambda parser, node, shape: parser.read_node(node, shape.cls or Node),
    Kind.ITEMS: _Parser.read_items,
    Kind.ENTRY: _Parser.read_entry,
}

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_NUMBERS: tuple[tuple[re.Pattern[str], Callable[[str], int | float]], ...] = (
    (re.compile(r"[-+]?[0-9]+"), int),
    (re.compile(r"0o[0-7]+"), lambda text: int(text, 8)),
    (re.compile(r"0x[0-9a-fA-F]+"), lambda text: int(text, 16)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(inf|Inf|INF)"), lambda text: float(text.replace(".", ""))),
    (re.compile(r"\.(nan|NaN|NAN)"), lambda text: float("nan")),
)


class _Places:
    """Where a statement's keys and values stand, and those one level inside lists and mappings."""

    def __init__(self) -> None:
        self.keys: dict[str, Span] = {}
        self.values: dict[str, Span] = {}

    def add(self, field: str, entry: Entry) -> None:
        self.keys[field] = entry.key.span
        self.values[field] = entry.value.span
        if isinstance(entry.value, SequenceNode):
            for index, item in enumerate(entry.value.items):
                if isinstance(item, ScalarNode):
                    self.values[f"{field}.{index}"] = item.span
        elif isinstance(entry.value, MappingNode):
            for inner in entry.value.entries:
                self.keys[f"{field}.{inner.key.value}"] = inner.key.span
                self.values[f"{field}.{inner.key.value}"] = inner.value.span


def _found(node: YamlNode) -> str:
    if isinstance(node, SequenceNode):
        return "a list"
    if isinstance(node, MappingNode):
        return "a mapping"
    return "nothing" if node.empty else f"{node.value[:40]!r}"


def _open(text: str) -> int:
    return text.count("(") - text.count(")")


def _copies(node: YamlNode) -> bool:
    return isinstance(node, MappingNode) and any(
        entry.key.value == "copy" or _copies(entry.value) for entry in node.entries
    )


def _description(cls: type[Node], name: str) -> str:
    return (cls.model_fields[name].description or "").replace("``", "'")


def _start_of(node: MappingNode) -> Span:
    return node.entries[0].key.span if node.entries else node.span


def _number_hint(scalar: ScalarNode) -> str:
    digits = scalar.value.replace("_", "").replace(",", "").lstrip("+0") or "0"
    if digits.isascii() and digits.isdigit():
        return f"write {digits}"
    return ""


def _span_at(node: YamlNode, location: Sequence[int | str]) -> Span:
    """Find the place that pydantic names by keys and indexes."""
    for step in location:
        if isinstance(node, MappingNode) and (inner := node.get(str(step))) is not None:
            node = inner
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            break
    return node.span


_CONSTRAINTS = {
    r"^[A-Za-z][A-Za-z0-9_-]*$": "a name is made of letters, digits, - and _, a letter first",
    r"^\d+\.\d+\.\d+([-+][0-9A-Za-z.-]+)?$": "a version has three numbers, as 1.2.0",
    r"^[<>=!~^,. 0-9a-z*]+$": "a range of versions is written as >=1.20,<2",
    r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$": "write package.module:name",
}


def _constraint(fault: Any) -> tuple[str, str]:
    """Say in words which constraint of a field is broken, and how to keep it."""
    context = fault.get("ctx", {})
    value = fault.get("input")
    if fault["type"] == "string_too_short":
        return "this may not be empty", ""
    if fault["type"] == "string_too_long":
        return f"longer than {context['max_length']} characters", ""
    if fault["type"] == "string_pattern_mismatch":
        return f"{value!r} does not fit here", _CONSTRAINTS.get(context["pattern"], "")
    if fault["type"] == "greater_than_equal":
        return f"{value!r} is less than {context['ge']}", ""
    return str(fault["msg"]), ""


# ---------------------------------------------------------------- what excludes what

_SELECT = frozenset({"name", "match", "when", "remove"})
_COPYING = ("without", "only", "updates")


def _contradictions(
    cls: type[Node], fields: dict[str, FieldShape], values: dict[str, Any], places: _Places
) -> Iterator[Problem]:
    """Report keys of one statement that cannot stand together, or not without one another."""
    given = [key for key in values if key in fields]

    def exclude(key: str, others: Iterable[str]) -> Iterator[Problem]:
        for other in others:
            if key in values and other in values and other != key:
                name, other_name = fields[key].name, fields[other].name
                yield Problem(
                    "TM015",
                    places.keys[other_name],
                    f"{other!r} and {key!r} exclude each other",
                    notes=(Note(f"{key!r} is here", places.keys[name]),),
                )

    def need(key: str, other: str, why: str) -> Iterator[Problem]:
        if key in values and fields[other].name not in places.keys:
            yield Problem("TM011", places.keys[fields[key].name], f"{key!r} needs {other!r}: {why}")

    if issubclass(cls, Rule) and "remove" in values:
        yield from exclude("remove", [key for key in given if key != "name"])
    elif issubclass(cls, StreamRule | DataRule) and "drop" in values:
        yield from exclude("drop", [key for key in given if key not in _SELECT])
    elif issubclass(cls, DataKeyRepair):
        yield from exclude("drop", ["set", "rename", "dtype", "shape", "dims", "units"])
    elif issubclass(cls, AssetRule) and "refuse" in values:
        yield from exclude("refuse", [key for key in given if key not in _SELECT])
    elif issubclass(cls, Metadata):
        yield from exclude("only", ["without"])
        for key in _COPYING:
            yield from need(key, "copy", "it says how a document is copied")
    elif issubclass(cls, SpecItem | TagItem):
        yield from need("each", "as", "the item needs a name")
        yield from need("as", "each", "it names the items of a list")
    if issubclass(cls, DataRule) and "store" in values and "drop" not in values:
        if values["store"] is Store.TABLE:
            in_node = ("key", "parent", "dims", "specs", "metadata")
            yield from _unlike_store("a table's column has no", in_node, values, places)
        else:
            yield from _unlike_store("only store: table has a", ("table",), values, places)


def _unlike_store(
    message: str, keys: Iterable[str], values: dict[str, Any], places: _Places
) -> Iterator[Problem]:
    for key in keys:
        if key in values:
            note = Note("this says how it is stored", places.values["store"])
            yield Problem("TM015", places.keys[key], f"{message} {key!r}", notes=(note,))
