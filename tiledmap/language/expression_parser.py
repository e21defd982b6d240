"""Read expressions and texts with holes: Python's own parser, and a list of what may stand in it.

Positions are those of characters in the scalar's value; the scalar knows where they stand in the
file.
"""

import ast
import keyword
import math
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Protocol, TypeAlias

from tiledmap.language.functions import FUNCTIONS, facility_function_names
from tiledmap.language.trees import (
    Binary,
    Call,
    Choice,
    Compare,
    Expr,
    Item,
    ListOf,
    Literal,
    Logical,
    Path,
    Unary,
)
from tiledmap.problems import Problem, Span
from tiledmap.problems.nearest import did_you_mean

LONGEST = 500
"""Characters of an expression."""
DEEPEST = 20
"""Levels of an expression, and steps of a path."""
LARGEST = 2**63
"""Integers written in an expression are smaller than this, whatever their sign."""

_OPEN, _CLOSE = "${{", "}}"


class Located(Protocol):
    """A scalar of the file: its value, and where each part of the value stands."""

    @property
    def value(self) -> str:
        """The value, as text."""
        ...

    @property
    def span(self) -> Span:
        """Where the scalar stands, quotes and all."""
        ...

    def span_of(self, start: int, end: int) -> Span:
        """Where the characters from `start` to before `end` of the value stand in the file."""
        ...


Texts: TypeAlias = tuple[str | Expr, ...]


def parse_expression(scalar: Located) -> tuple[Expr | None, list[Problem]]:
    """Read a field that is an expression."""
    value = scalar.value
    hole = value.find(_OPEN)
    if hole >= 0:
        return None, [_hole_in_expression(scalar, hole)]
    if scalar.span.line != scalar.span.end_line:
        message = "an expression stands on one line"
        return None, [Problem("TM100", scalar.span, message, hint="write it on one line")]
    return _parse(scalar, 0, len(value))


def parse_text(scalar: Located) -> tuple[Texts | None, list[Problem]]:
    """Read a text with holes: literal strings and expressions, in order."""
    parts: list[str | Expr] = []
    problems: list[Problem] = []
    position = 0
    for start, end in _holes(scalar.value):
        if start > position:
            parts.append(scalar.value[position:start])
        if end is None:
            problems.append(_unclosed(scalar, start))
            break
        tree, found = _parse(scalar, start + len(_OPEN), end)
        problems += found
        if tree is not None:
            parts.append(tree)
        position = end + len(_CLOSE)
    if problems:
        return None, problems
    if position < len(scalar.value):
        parts.append(scalar.value[position:])
    return tuple(parts), []


# ---------------------------------------------------------------- holes


def _holes(text: str) -> Iterator[tuple[int, int | None]]:
    """Find each hole: where it opens, and where what closes it stands, None if nothing does."""
    start = text.find(_OPEN)
    while start >= 0:
        end = _end_of_hole(text, start + len(_OPEN))
        yield start, end
        if end is None:
            return
        start = text.find(_OPEN, end + len(_CLOSE))


def _end_of_hole(text: str, position: int) -> int | None:
    """Find the braces that close a hole, outside of quotes where the quotes are in pairs."""
    plain = text.find(_CLOSE, position)
    quote = ""
    here = position
    while here < len(text):
        character = text[here]
        if quote:
            if character == "\\":
                here += 1
            elif character == quote:
                quote = ""
        elif character in "'\"":
            quote = character
        elif text.startswith(_CLOSE, here):
            return here
        elif text.startswith(_OPEN, here):
            return None
        here += 1
    return plain if plain >= 0 else None


def _unclosed(scalar: Located, start: int) -> Problem:
    return Problem(
        "TM107",
        scalar.span_of(start, start + len(_OPEN)),
        "this hole is not closed",
        hint=f"end it with {_CLOSE}",
    )


def _hole_in_expression(scalar: Located, start: int) -> Problem:
    body = scalar.value[start + len(_OPEN) :].partition(_CLOSE)
    whole = start == 0 and body[1] and not body[2].strip()
    return Problem(
        "TM105",
        scalar.span_of(start, start + len(_OPEN)),
        "this field is an expression: write it without ${{ }}",
        hint=f"write: {body[0].strip()}" if whole else "join texts with +, as in 'a_' + start.uid",
    )


# ---------------------------------------------------------------- Python's parser


def _parse(scalar: Located, start: int, end: int) -> tuple[Expr | None, list[Problem]]:
    """Read the expression that stands between two positions of a scalar's value."""
    raw = scalar.value[start:end]
    text = raw.strip()
    start += len(raw) - len(raw.lstrip())
    end = start + len(text)

    def problem(code: str, message: str, hint: str = "", at: int = 0, to: int = -1) -> Problem:
        upto = end if to < 0 else min(start + max(to, at + 1), end)
        return Problem(code, scalar.span_of(start + at, upto), message, hint=hint)

    if not text:
        empty = Problem("TM100", scalar.span, "an expression is missing here")
        return None, [empty]
    if len(text) > LONGEST:
        message = f"an expression of {len(text)} characters; at most {LONGEST} are read"
        return None, [problem("TM102", message, "say it in two rules, or in a facility function")]
    unreadable = re.search(r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]", text)
    if unreadable:
        where = unreadable.start()
        message = f"the character U+{ord(unreadable[0]):04X} cannot stand in an expression"
        hint = "write it on one line" if unreadable[0] in "\r\n" else ""
        return None, [problem("TM100", message, hint, where, where + 1)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # '\d' keeps its backslash, which is what is meant
            tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        at = min(max((error.offset or 1) - 1, 0), len(text) - 1)
        to = max((error.end_offset or 0) - 1, at + 1)
        if not error.offset:  # Python did not say where
            at, to = 0, -1
        return None, [problem("TM100", _clean(error.msg), _hint(text), at, to)]
    except (RecursionError, MemoryError, ValueError, OverflowError):
        return None, [problem("TM102", "the expression is nested too deeply")]
    reader = _Reader(text, lambda at, to: scalar.span_of(start + at, start + to))
    return reader.read(tree)


def _clean(message: str) -> str:
    """Python's words, without what is not part of this language or of a sentence of ours."""
    message = message.replace("'==' or ':=' instead of '='", "'==' instead of '='")
    message = message.removesuffix(" (detected at line 1)")
    return message.rstrip(".")


_HABITS = (
    (r"&&", "write 'and'"),
    (r"\|\|", "write 'or'"),
    (r"\{\{", "an expression is written without braces"),
    (r"\|", "write a function call: lower(x)"),
    (r"\?", "write: x if condition else y"),
    (r"!(?!=)", "write 'not', or '!=' between two values"),
    (r"(?<![=!<>])=(?!=)", "write '==' to compare"),
)


def _hint(text: str) -> str:
    """Say what was probably meant by something that Python does not read."""
    bare = re.sub(r"""'[^']*'|"[^"]*\"""", "", text)
    for word in re.findall(r"\.\s*([A-Za-z]+)", bare):
        if keyword.iskeyword(word):
            return f'write ["{word}"] instead of .{word}, which is a word of Python'
    return next((hint for habit, hint in _HABITS if re.search(habit, bare)), "")


# ---------------------------------------------------------------- the subset

_BINARY = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
}
_UNARY = {ast.Not: "not", ast.USub: "-", ast.UAdd: "+"}
_LOGICAL = {ast.And: "and", ast.Or: "or"}
_COMPARE = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
}
_NO_OPERATOR: dict[type[ast.AST], tuple[str, str]] = {
    ast.Pow: ("the operator '**'", "multiply with '*'"),
    ast.MatMult: ("the operator '@'", ""),
    ast.BitOr: ("the operator '|'", "for a filter write a function call: lower(x)"),
    ast.BitAnd: ("the operator '&'", "write 'and'"),
    ast.BitXor: ("the operator '^'", ""),
    ast.LShift: ("the operator '<<'", ""),
    ast.RShift: ("the operator '>>'", ""),
    ast.Invert: ("the operator '~'", "write 'not'"),
    ast.Is: ("the operator 'is'", "write '==', or has(…) to ask whether a field is there"),
    ast.IsNot: ("the operator 'is not'", "write '!=', or not has(…)"),
}
_EACH = "write 'each:' with 'as:' in the mapping, for one entry per item"
_NOT_READ: dict[type[ast.AST], tuple[str, str]] = {
    ast.ListComp: ("a comprehension", _EACH),
    ast.SetComp: ("a comprehension", _EACH),
    ast.DictComp: ("a comprehension", _EACH),
    ast.GeneratorExp: ("a comprehension", _EACH),
    ast.JoinedStr: ("an f-string", "write a text with holes, as in key: ${{ start.uid }}_raw"),
    ast.Lambda: ("a lambda", "write the expression itself"),
    ast.NamedExpr: ("an assignment with ':='", "write the value where it is used"),
    ast.Slice: ("a slice", "take one item, or use removeprefix(), removesuffix(), split()"),
    ast.Starred: ("an argument with '*'", "write every argument"),
    ast.Tuple: ("a tuple", "write a list: [a, b]"),
    ast.Set: ("a set", "an expression is written without braces; a list is [a, b]"),
    ast.Dict: ("a dict", "an expression is written without braces; say objects in YAML"),
    ast.Await: ("'await'", ""),
    ast.Yield: ("'yield'", ""),
    ast.YieldFrom: ("'yield'", ""),
}
_METHODS = {
    "get": "default(…)",
    "startswith": "matches(text, '^…')",
    "endswith": "matches(text, '…$')",
    "format": "a text with holes",
    "zfill": "pad(number, width)",
    "rjust": "pad(number, width)",
    "lstrip": "strip(text) or removeprefix(text, …)",
    "rstrip": "strip(text) or removesuffix(text, …)",
}
_OTHER_WORDS = {"true": "True", "false": "False", "null": "None", "none": "None"}
_REFUSED = Literal(None)
"""Stands for what was refused, so that the rest is read too; never leaves the reader."""


class _Reader:
    """One expression: from Python's tree to ours, with all that is wrong with it."""

    def __init__(self, text: str, span_of: Callable[[int, int], Span]) -> None:
        self._text = text
        self._bytes = None if text.isascii() else text.encode()
        self._span_of = span_of
        self._problems: list[Problem] = []

    def read(self, tree: ast.expr) -> tuple[Expr | None, list[Problem]]:
        rest = self._text[self._end(tree) :]
        if "#" in rest:
            at = len(self._text) - len(rest) + rest.index("#")
            self._refuse_at(self._span_of(at, len(self._text)), "a comment", "put it in the YAML")
        read = self._read(tree, 1)
        return (None, self._problems) if self._problems else (read, [])

    # ------------------------------------------------------------ positions

    def _character(self, column: int) -> int:
        """Python counts columns in bytes of UTF-8."""
        return column if self._bytes is None else len(self._bytes[:column].decode())

    def _start(self, node: ast.expr) -> int:
        return self._character(node.col_offset)

    def _end(self, node: ast.expr) -> int:
        assert node.end_col_offset is not None
        return self._character(node.end_col_offset)

    def _span(self, node: ast.expr) -> Span:
        return self._span_of(self._start(node), self._end(node))

    def _attribute_span(self, node: ast.Attribute) -> Span:
        """Where the attribute's name stands, as it is written."""
        written = self._text[self._end(node.value) : self._end(node)]
        name = written.rpartition(".")[2].lstrip()
        return self._span_of(self._end(node) - len(name), self._end(node))

    # ------------------------------------------------------------ problems

    def _refuse_at(self, span: Span, what: str, hint: str = "") -> Expr:
        message = f"{what} is not part of the expression language"
        self._problems.append(Problem("TM101", span, message, hint=hint))
        return _REFUSED

    def _refuse(self, node: ast.expr, what: str, hint: str = "") -> Expr:
        return self._refuse_at(self._span(node), what, hint)

    def _too_deep(self, node: ast.expr) -> Expr:
        message = f"an expression of more than {DEEPEST} levels"
        if all(problem.code != "TM102" for problem in self._problems):
            hint = "say it in two rules, or in a facility function"
            self._problems.append(Problem("TM102", self._span(node), message, hint=hint))
        return _REFUSED

    # ------------------------------------------------------------ trees

    def _read(self, node: ast.expr, depth: int) -> Expr:
        if depth > DEEPEST:
            return self._too_deep(node)
        span = self._span(node)
        below = depth + 1
        match node:
            case ast.Constant():
                return self._constant(node, span)
            case ast.Name() | ast.Attribute() | ast.Subscript():
                return self._path(node, depth)
            case ast.List(elts=items):
                return ListOf(tuple(self._read(item, below) for item in items), span=span)
            case ast.Call():
                return self._call(node, span, below)
            case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
                return Unary(_UNARY[type(op)], self._read(operand, below), span=span)
            case ast.BinOp(op=op, left=left, right=right) if type(op) in _BINARY:
                sides = self._read(left, below), self._read(right, below)
                return Binary(_BINARY[type(op)], *sides, span=span)
            case ast.BoolOp(op=op, values=values):
                operands = tuple(self._read(value, below) for value in values)
                return Logical(_LOGICAL[type(op)], operands, span=span)
            case ast.Compare() if all(type(op) in _COMPARE for op in node.ops):
                rest = tuple(
                    (_COMPARE[type(op)], self._read(operand, below))
                    for op, operand in zip(node.ops, node.comparators, strict=True)
                )
                return Compare(self._read(node.left, below), rest, span=span)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                branches = [self._read(part, below) for part in (test, body, orelse)]
                return Choice(*branches, span=span)
        return self._refuse(node, *self._name_of(node))

    def _name_of(self, node: ast.expr) -> tuple[str, str]:
        """Name a node that is not read, and say what to write instead."""
        operators: list[ast.AST] = []
        if isinstance(node, ast.BinOp | ast.UnaryOp):
            operators = [node.op]
        elif isinstance(node, ast.Compare):
            operators = list(node.ops)
        for operator in operators:
            if type(operator) in _NO_OPERATOR:
                return _NO_OPERATOR[type(operator)]
        return _NOT_READ.get(type(node), ("this", ""))

    def _constant(self, node: ast.Constant, span: Span) -> Expr:
        value = node.value
        if isinstance(value, bytes):
            return self._refuse(node, "a bytes literal", "write it without the b")
        if isinstance(value, str):
            if re.search(r"[\x00\ud800-\udfff]", value):
                return self._refuse(node, "a text with NUL or half a character")
            return Literal(value, span=span)
        if value is None or isinstance(value, bool):
            return Literal(value, span=span)
        if isinstance(value, int):
            if abs(value) >= LARGEST:
                return self._refuse(node, "an integer of more than 63 bits")
            return Literal(value, span=span)
        if isinstance(value, float):
            if not math.isfinite(value):
                return self._refuse(node, "a number that is too large")
            return Literal(value, span=span)
        what = "a complex number" if isinstance(value, complex) else "'...'"
        return self._refuse(node, what)

    # ------------------------------------------------------------ paths

    def _path(self, node: ast.expr, depth: int) -> Expr:
        """Read a name with the steps below it, or an item of another expression."""
        steps: list[tuple[str | int, Span]] = []
        base = node
        while isinstance(base, ast.Attribute | ast.Subscript):
            step = self._step(base)
            if step is None:
                return _REFUSED
            if len(steps) == DEEPEST:
                return self._too_deep(node)
            steps.append(step)
            base = base.value
        steps.reverse()
        if isinstance(base, ast.Name):
            return self._path_from(base, steps, self._span(node))
        return self._item(node, base, depth)

    def _path_from(self, root: ast.Name, steps: list[tuple[str | int, Span]], span: Span) -> Expr:
        if "__" in root.id:
            return self._refuse(root, "a name with '__'")
        if not steps and root.id in _OTHER_WORDS:
            return self._refuse(root, f"'{root.id}'", f"write {_OTHER_WORDS[root.id]}")
        spans = (self._span(root), *(where for _, where in steps))
        return Path(root.id, tuple(step for step, _ in steps), spans, span=span)

    def _item(self, node: ast.expr, base: ast.expr, depth: int) -> Expr:
        """Read items, by constants, of something that is not a path."""
        if depth > DEEPEST:
            return self._too_deep(node)
        if isinstance(node, ast.Attribute):
            return self._refuse(
                node, "an attribute of a value", f'write ["{node.attr}"] for a field of an object'
            )
        if not isinstance(node, ast.Subscript):
            return self._read(node, depth)
        step = self._step(node)
        inner = self._item(node.value, base, depth + 1)
        return _REFUSED if step is None else Item(inner, step[0], span=self._span(node))

    def _step(self, node: ast.Attribute | ast.Subscript) -> tuple[str | int, Span] | None:
        if isinstance(node, ast.Attribute):
            span = self._attribute_span(node)
            if "__" in node.attr:
                self._refuse_at(span, "a name with '__'", f'write ["{node.attr}"] for a field')
                return None
            return node.attr, span
        index = node.slice
        match index:
            case ast.Constant(value=str() as name) if not re.search(r"[\x00\ud800-\udfff]", name):
                return name, self._span(index)
            case ast.Constant(value=int() as number) if _is_index(number):
                return number, self._span(index)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as number)) if (
                _is_index(number)
            ):
                return -number, self._span(index)
            case ast.Slice():
                self._refuse(index, *_NOT_READ[ast.Slice])
            case _:
                hint = "write the field's name or the item's number: [\"name\"], [0]"
                self._refuse(index, "an index that is not a constant", hint)
        return None

    # ------------------------------------------------------------ calls

    def _call(self, node: ast.Call, span: Span, depth: int) -> Expr:
        arguments = tuple(self._read(argument, depth) for argument in node.args)
        for given in node.keywords:
            what = f"the keyword argument '{given.arg}'" if given.arg else "an argument with '**'"
            where = self._span(given.value)
            self._refuse_at(where, what, "give the arguments by position")
        if not isinstance(node.func, ast.Name):
            return self._method(node.func)
        name = node.func.id
        if "__" in name:
            return self._refuse(node.func, "a name with '__'")
        if name not in FUNCTIONS and name not in facility_function_names():
            names = [*FUNCTIONS, *facility_function_names()]
            instead = _METHODS.get(name) or _FUNCTIONS_ELSEWHERE.get(name)
            hint = f"use {instead}" if instead else f"functions: {', '.join(names)}"
            near = did_you_mean(name, names)
            where = self._span(node.func)
            message = f"no function '{name}'"
            self._problems.append(Problem("TM103", where, message, near, "" if near else hint))
        return Call(name, arguments, self._span(node.func), span=span)

    def _method(self, function: ast.expr) -> Expr:
        if not isinstance(function, ast.Attribute):
            return self._refuse(function, "a call of something that is not a function's name")
        name = function.attr
        hint = f"write a function: {name}(…)" if name in FUNCTIONS else ""
        if name in _METHODS:
            hint = f"use {_METHODS[name]}"
        return self._refuse_at(self._attribute_span(function), f"the method '.{name}()'", hint)


_FUNCTIONS_ELSEWHERE = {
    "len": "data_key.size for a data key; there is no length of a text",
    "concat": "'+'",
    "format": "a text with holes",
    "exists": "has(field)",
    "coalesce": "first(field, …)",
    "defined": "has(field)",
    "map": "'each:' with 'as:' in the mapping",
}


def _is_index(value: int) -> bool:
    return not isinstance(value, bool) and value < LARGEST
