"""The functions of the expression language, as data.

Signature, result, documentation and examples stand here once: the parser, the type check, the
evaluator, the code generator and the documentation site read them. The examples are run as tests.
"""

import importlib
import importlib.metadata
import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, TypeAlias

from tiledmap.problems import NOWHERE, Problem

Kind: TypeAlias = Literal["text", "number", "integer", "boolean", "array", "object", "null"]

KINDS: tuple[Kind, ...] = ("text", "number", "integer", "boolean", "array", "object", "null")
ENTRY_POINTS = "tiledmap.functions"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function.

    Parameters
    ----------
    takes
        The kinds of value that it takes; every kind if empty.
    items
        For an array, the kinds of its items.
    role
        ``value``: any expression; ``converted``: the same, also where its kind is not known
        before it comes; ``path``: a field that may be absent; ``pattern``: a regular expression
        written out.
    optional
        True where it can be left out.
    """

    name: str
    takes: tuple[Kind, ...] = ()
    items: tuple[Kind, ...] = ()
    role: Literal["value", "converted", "path", "pattern"] = "value"
    optional: bool = False

    def __str__(self) -> str:
        words = " or ".join(self.takes) or "anything"
        if self.items:
            words = f"list of {' or '.join(self.items)}"
        if self.role == "path":
            words = "field"
        return f"{self.name}: {words}" + (" = …" if self.optional else "")


@dataclass(frozen=True, slots=True)
class Example:
    """A call and what it gives, with the documents that it looks into."""

    call: str
    gives: Any
    scope: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the expression language.

    Parameters
    ----------
    result
        The kinds of the result; empty where it is the type of the arguments (``default``,
        ``first``).
    items
        For a list, the kinds of its items.
    python
        How it is written in Python; ``{0}`` is the first argument. Empty for the functions of
        paths, whose arguments are not evaluated before the call.
    implementation
        The same as a Python function, for the evaluator.
    repeats
        True where the last parameter can be given again and again.
    """

    name: str
    parameters: tuple[Parameter, ...]
    result: tuple[Kind, ...]
    doc: str
    examples: tuple[Example, ...] = ()
    items: tuple[Kind, ...] = ()
    python: str = ""
    implementation: Callable[..., Any] | None = field(default=None, compare=False)
    repeats: bool = False

    @property
    def least(self) -> int:
        """How many arguments it needs."""
        return sum(not parameter.optional for parameter in self.parameters)

    @property
    def most(self) -> int | None:
        """How many arguments it takes; None for any number."""
        return None if self.repeats else len(self.parameters)

    @property
    def signature(self) -> str:
        """The signature, for people."""
        parameters = [str(parameter) for parameter in self.parameters] + ["…"] * self.repeats
        result = " or ".join(self.result) or "what it is given"
        if self.items:
            result = f"list of {' or '.join(self.items)}"
        return f"{self.name}({', '.join(parameters)}) -> {result}"


_TEXT: tuple[Kind, ...] = ("text",)
_NUMBER: tuple[Kind, ...] = ("number",)
_INTEGER: tuple[Kind, ...] = ("integer",)
_BOOLEAN: tuple[Kind, ...] = ("boolean",)
_ARRAY: tuple[Kind, ...] = ("array",)
_SCALAR: tuple[Kind, ...] = ("text", "number", "boolean")


def _of_runtime(name: str) -> Callable[..., Any]:
    """Defer loading the runtime to the first call: it takes longer than checking a mapping."""

    def call(*arguments: Any) -> Any:
        return getattr(importlib.import_module("tiledmap.runtime.functions"), name)(*arguments)

    return call


_START = {"start": {"uid": "8f3a", "sample": {"name": "Ni/foil"}, "edge": None}}


def _text_to_text(name: str, doc: str, *examples: Example, also: tuple[str, ...] = ()) -> Function:
    parameters = tuple(Parameter(word, _TEXT) for word in ("text", *also))
    arguments = ", ".join(f"{{{position}}}" for position in range(1, len(parameters)))
    return Function(
        name,
        parameters,
        _TEXT,
        doc,
        examples,
        python=f"{{0}}.{name}({arguments})",
        implementation=getattr(str, name),
    )


_LIST = (
    Function(
        "has",
        (Parameter("field", role="path"),),
        _BOOLEAN,
        "True where the field is there and is not null, along its whole path.",
        (
            Example("has(start.sample.name)", True, _START),
            Example("has(start.edge)", False, _START),
            Example("has(start.sample.mass.unit)", False, _START),
        ),
    ),
    Function(
        "default",
        (Parameter("field", role="path"), Parameter("otherwise")),
        (),
        "The field, or the second argument where the field is absent or null.",
        (
            Example("default(start.sample.name, 'unnamed')", "Ni/foil", _START),
            Example("default(start.edge, 'K')", "K", _START),
        ),
    ),
    Function(
        "first",
        (Parameter("field", role="path"), Parameter("otherwise", role="path")),
        (),
        "The first of the arguments that is there and is not null. The last one must be sure.",
        (
            Example("first(start.title, start.sample.name, 'none')", "Ni/foil", _START),
            Example("first(start.edge, start.uid)", "8f3a", _START),
        ),
        repeats=True,
    ),
    Function(
        "str",
        (Parameter("value", _SCALAR, role="converted"),),
        _TEXT,
        "The value as text, as Python writes it.",
        (Example("str(7)", "7"), Example("str(0.5)", "0.5"), Example("str(True)", "True")),
        python="str({0})",
        implementation=str,
    ),
    Function(
        "int",
        (Parameter("value", _SCALAR, role="converted"),),
        _INTEGER,
        "The value as an integer; a fraction is cut off. Fails where a text is not an integer.",
        (Example("int('42')", 42), Example("int(2.9)", 2)),
        python="int({0})",
        implementation=int,
    ),
    Function(
        "float",
        (Parameter("value", _SCALAR, role="converted"),),
        _NUMBER,
        "The value as a number. Fails where a text is not a number.",
        (Example("float('1e3')", 1000.0), Example("float(2)", 2.0)),
        python="float({0})",
        implementation=float,
    ),
    Function(
        "bool",
        (Parameter("value", ("number", "boolean", "array"), role="converted"),),
        _BOOLEAN,
        "False for zero and for an empty list, True for everything else. Not for text, where "
        "'false' would be True.",
        (Example("bool(0)", False), Example("bool([1])", True)),
        python="bool({0})",
        implementation=bool,
    ),
    _text_to_text("lower", "The text in small letters.", Example("lower('AD_TIFF')", "ad_tiff")),
    _text_to_text("upper", "The text in capitals.", Example("upper('k')", "K")),
    _text_to_text(
        "strip", "The text without white space at its ends.", Example("strip('  Ni ')", "Ni")
    ),
    Function(
        "replace",
        (Parameter("text", _TEXT), Parameter("old", _TEXT), Parameter("new", _TEXT)),
        _TEXT,
        "The text with every `old` replaced by `new`.",
        (Example("replace('a b c', ' ', '_')", "a_b_c"),),
        python="replace({0}, {1}, {2})",
        implementation=_of_runtime("replace"),
    ),
    _text_to_text(
        "removeprefix",
        "The text without `prefix`, if it begins with it.",
        Example("removeprefix('/data/x', '/data')", "/x"),
        Example("removeprefix('data', '/data')", "data"),
        also=("prefix",),
    ),
    _text_to_text(
        "removesuffix",
        "The text without `suffix`, if it ends with it.",
        Example("removesuffix('scan_1.h5', '.h5')", "scan_1"),
        also=("suffix",),
    ),
    Function(
        "split",
        (Parameter("text", _TEXT), Parameter("separator", _TEXT)),
        _ARRAY,
        "The pieces of the text between separators.",
        (
            Example("split('pass-316500/abc', '/')", ["pass-316500", "abc"]),
            Example("split('a-b', '-')[1]", "b"),
        ),
        items=_TEXT,
        python="{0}.split({1})",
        implementation=str.split,
    ),
    Function(
        "join",
        (Parameter("pieces", _ARRAY, items=_TEXT), Parameter("separator", _TEXT)),
        _TEXT,
        "The texts of a list as one, with the separator between them.",
        (Example("join(['x', 'y'], ', ')", "x, y"),),
        python="{1}.join({0})",
        implementation=lambda pieces, separator: separator.join(pieces),
    ),
    Function(
        "basename",
        (Parameter("path", _TEXT),),
        _TEXT,
        "The last step of a file path.",
        (Example("basename('/data/2026/scan_1.h5')", "scan_1.h5"),),
        python="basename({0})",
        implementation=_of_runtime("basename"),
    ),
    Function(
        "slug",
        (Parameter("text", _TEXT),),
        _TEXT,
        "The text with everything but letters, digits, '_', '.' and '-' replaced by '_': safe as "
        "a node's key.",
        (Example("slug('Ni/foil (old)')", "Ni_foil__old_"), Example("slug('')", "_")),
        python="slug({0})",
        implementation=_of_runtime("slug"),
    ),
    Function(
        "pad",
        (Parameter("number", _INTEGER), Parameter("width", _INTEGER)),
        _TEXT,
        "The integer with zeros before it.",
        (Example("pad(7, 6)", "000007"),),
        python="pad({0}, {1})",
        implementation=_of_runtime("pad"),
    ),
    Function(
        "matches",
        (Parameter("text", _TEXT), Parameter("pattern", _TEXT, role="pattern")),
        _BOOLEAN,
        "True where the regular expression is found in the text; '^' and '$' tie it to the ends. "
        "The pattern is written out, so that it can be checked before anything runs.",
        (
            Example("matches('Ni K', '^[A-Z][a-z]? K$')", True),
            Example("matches('primary', 'base')", False),
        ),
        python="matches({0}, {1})",
        implementation=lambda text, pattern: _of_runtime("matches")(text, re.compile(pattern)),
    ),
    Function(
        "isoformat",
        (Parameter("seconds", _NUMBER),),
        _TEXT,
        "Seconds since 1970 as a date and time of ISO 8601, in UTC.",
        (Example("isoformat(0)", "1970-01-01T00:00:00+00:00"),),
        python="isoformat({0})",
        implementation=_of_runtime("isoformat"),
    ),
)

FUNCTIONS: dict[str, Function] = {function.name: function for function in _LIST}
"""The functions of the language, by name."""


# ---------------------------------------------------------------- functions of a facility


def facility_function_names() -> frozenset[str]:
    """Names of the installed facility functions; none of them is loaded."""
    return frozenset(_entry_points())


def function_named(name: str) -> Function | Problem | None:
    """Return a function of the language or of a facility; a problem where loading it fails."""
    if name in FUNCTIONS:
        return FUNCTIONS[name]
    return facility_functions().get(name) if name in _entry_points() else None


@cache
def facility_functions() -> Mapping[str, Function | Problem]:
    """Load the installed facility functions; a problem, without a place, for each bad one."""
    return {name: _load(entry) for name, entry in _entry_points().items()}


@cache
def _entry_points() -> Mapping[str, importlib.metadata.EntryPoint]:
    entries = importlib.metadata.entry_points(group=ENTRY_POINTS)
    return {entry.name: entry for entry in entries if entry.name not in FUNCTIONS}


def _load(entry: importlib.metadata.EntryPoint) -> Function | Problem:
    try:
        loaded = entry.load()
    except Exception as error:  # a facility's module can fail in any way
        message = f"the function '{entry.name}' cannot be loaded from {entry.value}"
        return Problem("TM211", NOWHERE, message, hint=f"{type(error).__name__}: {error}")
    return describe_function(entry.name, loaded)


def describe_function(name: str, implementation: Any) -> Function | Problem:
    """Read the annotations of a Python function; a problem where they do not say enough."""
    wrong = Problem(
        "TM212",
        NOWHERE,
        f"the function '{name}' does not say what it takes and gives",
        hint="annotate every parameter and the result with str, int, float, bool, list[…] or dict",
    )
    try:
        signature = inspect.signature(implementation)
        hints = typing.get_type_hints(implementation)
    except Exception:  # annotations are evaluated, and anything can stand in them
        return wrong
    parameters = []
    for parameter in signature.parameters.values():
        read = _kinds_of(hints.get(parameter.name))
        if read is None or parameter.kind not in _POSITIONAL:
            return wrong
        optional = parameter.default is not parameter.empty
        parameters.append(Parameter(parameter.name, *read, optional=optional))
    result = _kinds_of(hints.get("return"))
    if result is None:
        return wrong
    return Function(
        name,
        tuple(parameters),
        result[0],
        inspect.getdoc(implementation) or "",
        items=result[1],
        implementation=implementation,
    )


_POSITIONAL = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
_OF_CLASS: dict[Any, Kind] = {
    str: "text",
    float: "number",
    int: "integer",
    bool: "boolean",
    list: "array",
    dict: "object",
    type(None): "null",
}


def _kinds_of(annotation: Any) -> tuple[tuple[Kind, ...], tuple[Kind, ...]] | None:
    """Read an annotation as kinds and, for a list, the kinds of its items."""
    if annotation in _OF_CLASS:
        return (_OF_CLASS[annotation],), ()
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in {typing.Union, types.UnionType}:
        members = [_kinds_of(argument) for argument in arguments]
        known = [member for member in members if member is not None]
        if len(known) < len(members):
            return None
        return (
            tuple(kind for kinds, _ in known for kind in kinds),
            tuple(kind for _, items in known for kind in items),
        )
    if origin is list:
        items = _kinds_of(arguments[0])
        return None if items is None else (("array",), items[0])
    return (("object",), ()) if origin is dict else None
