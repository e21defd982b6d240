"""Expressions, texts and conditions as Python.

Nothing that a user wrote reaches the module but as the `repr` of a checked literal.
"""

import keyword
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from tiledmap.codegen.layout import (
    AllOf,
    Code,
    Group,
    LongText,
    attach,
    call,
    dict_of,
    flat,
    list_of,
)
from tiledmap.language.expressions import Call, Expr, ListOf, Literal, Logical, Path, Unary
from tiledmap.language.functions import FUNCTIONS, Function, function_named
from tiledmap.plan.notation import ATOM, CHOICE, COMPARE, Notation, double_quoted
from tiledmap.plan.passes import paths_in
from tiledmap.plan.steps import Condition, FieldTest, Parts, Relation
from tiledmap.runtime import EXPORTED

ALWAYS_THERE = frozenset({"name", "dtype", "dtype_numpy", "shape", "source"})
"""Fields that every data key has when the runtime hands it over."""


class PythonNotation(Notation):
    """The notation of generated modules; it notes which names they must import or define."""

    def __init__(self, names: set[str]) -> None:
        """Give no name that the module has: `names` to begin with, and then what it defines."""
        self._names = names
        self.imports: set[str] = set()
        self.patterns: dict[str, str] = {}
        self.facility_functions: dict[str, str] = {}
        self._locals: dict[str, str] = {}
        self._variables: set[str] = set()

    def use(self, name: str) -> str:
        """Note that `name` of `tiledmap.runtime` is used."""
        self.imports.add(name)
        return name

    @contextmanager
    def local(self, name: str) -> Iterator[str]:
        """The variable for an item that the mapping calls `name`, while it is written about."""
        variable = unique(identifier(name), _NOT_LOCAL | self._names)
        self._variables.add(variable)
        self._locals[name] = variable
        yield variable
        del self._locals[name]

    def define(self, name: str) -> str:
        """A name for the module to define."""
        name = unique(name, self._names | self._variables)
        self._names.add(name)
        return name

    def path(self, path: Path) -> str:
        """A path that is known to be there."""
        return self._root(path) + "".join(f"[{self.literal(step)}]" for step in path.steps)

    def _root(self, path: Path) -> str:
        return self._locals.get(path.root, path.root)

    def _write(self, expr: Expr) -> tuple[str, int]:
        match expr:
            case Unary(operator="not", operand=Call(function="has", arguments=(field,))):
                return f"{self.optional(field)} is None", COMPARE
        return super()._write(expr)

    def call(self, call: Call) -> tuple[str, int]:
        """A call, as the function's own Python."""
        match call.function:
            case "has":
                return f"{self.optional(call.arguments[0])} is not None", COMPARE
            case "default" | "first":
                return self._otherwise(call)
            case "matches":
                return self._matches(call)
        function = function_named(call.function)
        assert isinstance(function, Function), f"an unchecked function {call.function!r}"
        if call.function not in FUNCTIONS:
            return self._call_of_facility(call), ATOM
        self._import_for(function)
        arguments = [
            self.write(argument, ATOM if f"{{{position}}}." in function.python else CHOICE)
            for position, argument in enumerate(call.arguments)
        ]
        return function.python.format(*arguments), ATOM

    def _call_of_facility(self, call: Call) -> str:
        if call.function not in self.facility_functions:
            name = self.define(f"facility_{identifier(call.function)}")
            self.facility_functions[call.function] = name
        arguments = ", ".join(map(self.write, call.arguments))
        return f"{self.facility_functions[call.function]}({arguments})"

    def _import_for(self, function: Function) -> None:
        if function.python.startswith(f"{function.name}(") and function.name not in _BUILTIN:
            self.use(function.name)

    def optional(self, expr: Expr) -> str:
        """A path that may not be there, as its value or None; any other expression as it is."""
        if not isinstance(expr, Path) or not expr.steps:
            return self.write(expr, COMPARE + 1)
        if len(expr.steps) == 1 and isinstance(expr.steps[0], str):
            return f"{self._root(expr)}.get({self.literal(expr.steps[0])})"
        steps = ", ".join(map(self.literal, expr.steps))
        return f"{self.use('optional')}({self._root(expr)}, {steps})"

    def _otherwise(self, call: Call) -> tuple[str, int]:
        """The first argument that is not None. What could fail is computed only where needed."""
        if _cannot_fail(call):
            return flat(self._chosen(call)), ATOM
        *tried, last = call.arguments
        text = self.optional(last) if call.function == "first" else self.write(last)
        for argument in reversed(tried):
            text = f"(_ if (_ := {self.optional(argument)}) is not None else {text})"
        return text, ATOM

    def _chosen(self, choice: Call) -> Group:
        *tried, last = choice.arguments
        otherwise = self.optional(last) if choice.function == "first" else self.write(last)
        name = "default" if len(tried) == 1 else "first"
        return call(self.use(name), *map(self.optional, tried), otherwise)

    def _matches(self, call: Call) -> tuple[str, int]:
        text, pattern = call.arguments
        assert isinstance(pattern, Literal), "a pattern is a literal"
        written = str(pattern.value)
        if written not in self.patterns:
            self.patterns[written] = self.define(f"PATTERN_{len(self.patterns) + 1}")
        return f"{self.use('matches')}({self.write(text)}, {self.patterns[written]})", ATOM

    # ------------------------------------------------------------ texts and values

    def text(self, parts: Parts) -> str:
        """A text: a literal, one hole's value, or an f-string."""
        if not parts:
            return '""'
        if len(parts) == 1:
            (part,) = parts
            return self.literal(part) if isinstance(part, str) else self.write(part)
        holes = [None if isinstance(part, str) else self.write(part) for part in parts]
        if any(hole and ('"' in _single(hole) or "\\" in hole) for hole in holes):
            words = [
                self.literal(part) if isinstance(part, str) else f"str({hole})"
                for part, hole in zip(parts, holes, strict=True)
            ]
            return f'"".join([{", ".join(words)}])'
        return self._f_string(parts)

    def long_text(self, parts: Parts) -> Code:
        """A text, in pieces where it is an f-string longer than a line."""
        whole = self.text(parts)
        if not whole.startswith('f"') or len(parts) == 1:
            return whole
        pieces: list[Parts] = []
        for part in parts:
            longer = (*pieces[-1], part) if pieces else (part,)
            if pieces and len(self._f_string(longer)) <= _PIECE:
                pieces[-1] = longer
            else:
                pieces.append((part,))
        return LongText(whole, tuple(map(self._f_string, pieces)))

    def _f_string(self, parts: Parts) -> str:
        holes = [None if isinstance(part, str) else self.write(part) for part in parts]
        if not any(holes):
            return double_quoted("".join(map(str, parts)))
        return 'f"' + "".join(map(_in_f_string, parts, holes)) + '"'

    def value(self, value: Any) -> Code:
        """Free values: JSON data in which texts are `Parts`; what a file's number decides, later.

        Such a text is a function of the number.
        """
        match value:
            case dict():
                return dict_of(
                    *(
                        attach(f"{self.literal(key)}: ", self.value(item))
                        for key, item in value.items()
                    )
                )
            case list():
                return list_of(*map(self.value, value))
            case tuple() if _names_a_file(value):
                return attach("lambda index: ", self.long_text(value))
            case (Call(function="default" | "first") as chosen,) if _cannot_fail(chosen):
                return self._chosen(chosen)
            case tuple():
                return self.long_text(value)
            case _:
                return self.literal(value)

    # ------------------------------------------------------------ conditions

    def condition(self, condition: Condition) -> list[Code]:
        """What must all be true; empty where the condition always holds."""
        words: list[Code] = list(map(self.test, condition.tests))
        match condition.when:
            case Logical(operator="and", operands=operands):
                words.extend(map(self._operand, operands))
            case Expr() as when:
                words.append(self._operand(when) if words else self.write(when, CHOICE))
        return words

    def _operand(self, expr: Expr) -> Code:
        """One of several conditions."""
        if isinstance(expr, Logical) and expr.operator == "or":
            either = tuple(self.write(operand, COMPARE) for operand in expr.operands)
            return AllOf(either, word="or", enclosed=True)
        return self.write(expr, COMPARE)

    def test(self, test: FieldTest) -> Code:
        """One test."""
        field = self.literal(test.field)
        if test.subject == "stored":
            value = "stored"
        elif test.subject == "data_key" and test.field in ALWAYS_THERE:
            value = f"data_key[{field}]"
        else:
            value = f"{test.subject}.get({field})"
        texts = tuple(map(self.literal, test.values))
        match test.relation:
            case Relation.PRESENT:
                return f"{value} is not None"
            case Relation.ABSENT:
                return f"{value} is None"
            case Relation.LIKE:
                return call(self.use("like"), value, *texts)
            case Relation.SAME_TEXT:
                return call(self.use("same_text"), value, *texts)
            case Relation.SHAPED:
                return call(self.use("shaped"), value, *texts)
            case Relation.ONE_OF if len(texts) == 1:
                return f"{value} == {texts[0]}"
            case Relation.ONE_OF:
                return Group(f"{value} in (", texts, ")")


_PIECE = 72
"""Characters of a piece of a long text."""
_BUILTIN = frozenset({"str", "int", "float", "bool"})
_NOT_LOCAL = frozenset({*EXPORTED, *_BUILTIN, "specs", "tags", "start", "descriptor", "data_key"})


def _is_constant(expr: Expr) -> bool:
    return isinstance(expr, Literal) or (
        isinstance(expr, ListOf) and all(map(_is_constant, expr.items))
    )


def _cannot_fail(call: Call) -> bool:
    """Whether all arguments of ``default`` or ``first`` may be computed, whichever is taken."""
    *tried, last = call.arguments
    sure = isinstance(last, Path) and len(last.steps) == 1
    return all(isinstance(each, Path) for each in tried) and (sure or _is_constant(last))


def _names_a_file(parts: Parts) -> bool:
    holes = (part for part in parts if isinstance(part, Expr))
    return any(path.root == "index" for hole in holes for path in paths_in(hole))


def _single(hole: str) -> str:
    return hole.replace('"', "'") if "'" not in hole else hole


def _in_f_string(part: str | Expr, hole: str | None) -> str:
    if hole is not None:
        return "{" + _single(hole) + "}"
    assert isinstance(part, str)
    return double_quoted(part)[1:-1].replace("{", "{{").replace("}", "}}")


def identifier(name: str) -> str:
    """What a rule or an item is called in Python."""
    return re.sub(r"\W", "_", name).lower()


def unique(stem: str, taken: Collection[str]) -> str:
    """A name that is not taken, nor a word of Python: the stem, with a number where it is."""
    number, name = 1, stem
    while name in taken or keyword.iskeyword(name):
        number += 1
        name = f"{stem}_{number}"
    return name
