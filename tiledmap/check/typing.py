"""The types of expressions, and what is wrong with them.

Every mistake is reported once: an expression whose problem has been reported has the type `NEVER`,
which fits everywhere.
"""

import importlib
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tiledmap.check.scopes import WHERE
from tiledmap.documents.fields import Found, look_up
from tiledmap.documents.types import (
    ANY,
    BOOLEAN,
    INTEGER,
    NEVER,
    NUMBER,
    TEXT,
    Type,
    array_of,
    joined,
    literal_type,
    type_of,
)
from tiledmap.language.expressions import (
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
from tiledmap.language.functions import Function, Parameter, function_named
from tiledmap.problems import Problem, Span
from tiledmap.problems.nearest import did_you_mean

DOCUMENTS = {
    "start": "a start document",
    "stop": "a stop document",
    "descriptor": "a descriptor",
    "data_key": "a data key",
    "event": "an event",
    "resource": "a resource",
    "datum": "a datum",
    "stream_resource": "a stream resource",
    "settings": "settings",
}
"""The names that stand for documents, and settings, in a sentence."""

Scope = Mapping[str, Type]
Narrowed = frozenset[Path]
"""Paths that are known to be there and not null. A root alone stands for a guard that was itself
wrong: nothing below it is reported as absent."""

NOTHING_KNOWN: Narrowed = frozenset()


def infer(
    expr: Expr, scope: Scope, narrowed: Narrowed = NOTHING_KNOWN
) -> tuple[Type, list[Problem]]:
    """Find the type of an expression and everything that is wrong inside it."""
    inference = _Inference(scope)
    found = inference.type(expr, narrowed)
    return found, inference.problems


def present_if(expr: Expr, truth: bool, scope: Scope) -> Narrowed:
    """Return the paths that are known to be there where a condition is true, or false."""
    match expr:
        case Call(function="has", arguments=(Path() as path,)):
            return _shown_by(path, scope) if truth else NOTHING_KNOWN
        case Unary(operator="not", operand=operand):
            return present_if(operand, not truth, scope)
        case Logical(operator=operator, operands=operands):
            shown = [present_if(operand, truth, scope) for operand in operands]
            if (operator == "and") is truth:
                return NOTHING_KNOWN.union(*shown)
            return shown[0].intersection(*shown[1:])
    return NOTHING_KNOWN


def presumed(scope: Scope) -> Narrowed:
    """Return what to presume after a guard that could not be read: that it guards everything."""
    return frozenset(map(Path, scope))


def _shown_by(path: Path, scope: Scope) -> Narrowed:
    if path.root not in scope:
        return presumed(scope)
    if look_up(scope[path.root], path.steps).failed_at is not None:
        return frozenset({Path(path.root)})
    return frozenset(Path(path.root, path.steps[: count + 1]) for count in range(len(path.steps)))


_CONVERSIONS = {"text": "str", "number": "float", "integer": "int"}


class _Inference:
    """The problems of one expression, gathered while its types are found."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self.problems: list[Problem] = []

    def type(self, expr: Expr, known: Narrowed, need: str = "") -> Type:
        """Find a type; `need` says what the value is for, in case it may be absent."""
        match expr:
            case Literal(value=value):
                return literal_type(value)
            case ListOf(items=items):
                return array_of(joined([self.type(item, known) for item in items]))
            case Path():
                return self._path(expr, known, need)
            case Item(base=base, key=key):
                return self._item(expr, self.type(base, known), key)
            case Call():
                return self._call(expr, known)
            case Unary():
                return self._unary(expr, known)
            case Binary():
                return self._binary(expr, known)
            case Compare():
                return self._compare(expr, known)
            case Logical():
                return self._logical(expr, known)
            case Choice():
                return self._choice(expr, known)
        raise TypeError(f"no type for {type(expr).__name__}")

    def _report(self, code: str, span: Span, message: str, label: str = "", hint: str = "") -> Type:
        self.problems.append(Problem(code, span, message, label, hint))
        return NEVER

    # ------------------------------------------------------------ paths

    def _found(self, path: Path, known: Narrowed) -> Found | None:
        """Look a path up; None where it does not exist, which is then reported."""
        root = self._scope.get(path.root)
        if root is None:
            self._no_name(path)
            return None
        found = look_up(root, path.steps, lambda steps: Path(path.root, steps) in known)
        if found.failed_at is not None:
            self._no_field(path, found)
            return None
        if path.root == "settings" and not path.steps:
            hint = f"settings: {', '.join(found.type.properties) or 'none'}"
            self._report("TM202", path.span, "'settings' is no value; name one", "", hint)
            return None
        return found

    def _path(self, path: Path, known: Narrowed, need: str) -> Type:
        found = self._found(path, known)
        if found is None:
            return NEVER
        if found.absent_at is not None and Path(path.root) not in known:
            self._may_be_absent(path, found, need)
        return found.type if found.absent_at is None else found.type.without_null()

    def _no_name(self, path: Path) -> None:
        span = path.spans[0] if path.spans else path.span
        there = ", ".join(sorted(self._scope)) or "nothing"
        near = did_you_mean(path.root, self._scope)
        hint = f"'{path.root}' is there {WHERE[path.root]}" if path.root in WHERE else ""
        self._report("TM200", span, f"no '{path.root}' here; in scope: {there}", near, hint)

    def _no_field(self, path: Path, found: Found) -> None:
        at = found.failed_at
        assert at is not None
        step = path.steps[at]
        span = path.spans[at + 1] if len(path.spans) > at + 1 else path.span
        holder = str(Path(path.root, path.steps[:at]))
        if isinstance(step, int):
            message = f"'{holder}' is {in_words(found.within)}, which has no items"
            self._report("TM207", span, message)
        elif "object" not in found.within.kinds:
            message = f"'{holder}' is {in_words(found.within)}, which has no fields"
            self._report("TM207", span, message)
        elif at == 0 and path.root in DOCUMENTS:
            self._report("TM201", span, *no_such_field(path.root, step, found.within))
        else:
            near = did_you_mean(step, found.within.properties)
            message = f"'{holder}' has no field '{step}'"
            hint = "" if near else f"fields: {', '.join(found.within.properties) or 'none'}"
            self._report("TM202", span, message, near, hint)

    def _may_be_absent(self, path: Path, found: Found, need: str) -> None:
        at = found.absent_at
        assert at is not None
        declared = found.field.declared_in if found.field else "event-model"
        known_by = "event-model does not require it"
        if declared != "event-model":
            known_by = f"{declared} declares it, but does not require it"
        if isinstance(path.steps[at], int):
            known_by = "the list may be shorter"
        ways = [
            f"say what then:      default({path}, {_something_of(found.type, path)})",
            f"or only if there:   when: has({path})",
        ]
        if _is_undeclared_kwarg(path, found.type):
            ways[0] = f"declare it:         {_declared(path, ANY)}"
        if at == 0 and path.root in {"start", "descriptor", "stop"}:
            whose = {"start": "runs", "descriptor": "streams", "stop": "runs"}[path.root]
            required = f"source: {path.root}: required: [{path.steps[0]}]"
            ways.append(f"or refuse such {whose}: {required}")
        label = "; ".join(filter(None, (known_by, need)))
        self._report("TM203", path.span, f"'{path}' may be absent", label, "\n".join(ways))

    def _item(self, expr: Item, base: Type, key: str | int) -> Type:
        if base.reported:
            return NEVER
        if isinstance(key, int):
            if base.kinds == {"array"}:
                return base.item
            return self._report("TM207", expr.span, f"this is {in_words(base)}, which has no items")
        if base.kinds != {"object"}:
            return self._report(
                "TM207", expr.span, f"this is {in_words(base)}, which has no fields"
            )
        found = look_up(base, (key,))
        if not found.sure:
            message = f"an object without a field '{key}' that is sure to be there"
            return self._report("TM202", expr.span, message)
        return found.type

    # ------------------------------------------------------------ operators

    def _unary(self, expr: Unary, known: Narrowed) -> Type:
        operand = self.type(expr.operand, known)
        if expr.operator == "not":
            self._want(operand, BOOLEAN, expr.operand, "'not' takes true or false")
            return BOOLEAN
        return self._number(expr, expr.operator, (expr.operand,), (operand,))

    def _binary(self, expr: Binary, known: Narrowed) -> Type:
        operands = (expr.left, expr.right)
        left, right = types = tuple(
            self.type(each, known, f"'{expr.operator}' needs a value") for each in operands
        )
        if left.reported or right.reported:
            return NEVER
        if expr.operator == "+":
            if left.fits(TEXT) and right.fits(TEXT):
                return TEXT
            if left.kinds == right.kinds == {"array"}:
                return array_of(left.item.join(right.item))
            if TEXT.kinds in (left.kinds, right.kinds):
                message = f"text and {right if left.fits(TEXT) else left} do not add up"
                other = expr.right if left.fits(TEXT) else expr.left
                hint = "write str(…) around it; in a text with holes no '+' is needed"
                return self._report("TM204", other.span, message, hint=hint)
        return self._number(expr, expr.operator, operands, types)

    def _number(
        self, expr: Expr, operator: str, operands: Sequence[Expr], types: Sequence[Type]
    ) -> Type:
        """Type an operation on numbers."""
        if any(found.reported for found in types):
            return NEVER
        rule = f"'{operator}' takes numbers"
        if not all(map(lambda found, at: self._want(found, NUMBER, at, rule), types, operands)):
            return NEVER  # one operand is enough to say so
        whole = operator != "/" and all(found.fits(INTEGER) for found in types)
        return INTEGER if whole else NUMBER

    def _want(self, found: Type, wanted: Type, at: Expr, rule: str, code: str = "TM204") -> bool:
        """Report a type that does not fit."""
        if found.fits(wanted):
            return True
        message = f"{rule}; this is {in_words(found)}"
        self._report(code, at.span, message, hint=mend(found, wanted, at))
        return False

    def _compare(self, expr: Compare, known: Narrowed) -> Type:
        left_expr, left = expr.first, self.type(expr.first, known, "a comparison needs a value")
        for operator, right_expr in expr.rest:
            right = self.type(right_expr, known, "a comparison needs a value")
            if not (left.reported or right.reported):
                self._compared(operator, left, right, left_expr, right_expr)
            left_expr, left = right_expr, right
        return BOOLEAN

    def _compared(
        self, operator: str, left: Type, right: Type, left_expr: Expr, right_expr: Expr
    ) -> None:
        span = right_expr.span
        if operator in {"==", "!="}:
            if not left.meets(right):
                message = f"{_shown(left)} is never equal to {_shown(right)}"
                self._report("TM204", span, message, possible_values(left, right))
        elif operator in {"in", "not in"}:
            if right.kinds == {"array"}:
                if not left.meets(right.item):
                    message = f"{_shown(left)} is never in a {right}"
                    self._report(
                        "TM204", left_expr.span, message, possible_values(left, right.item)
                    )
            elif right.fits(TEXT):
                self._want(left, TEXT, left_expr, "only text is in text")
            else:
                message = f"'{operator}' takes a list or text; this is {in_words(right)}"
                self._report("TM204", span, message)
        elif not any(left.fits(kind) and right.fits(kind) for kind in (NUMBER, TEXT)):
            unfit = right if left.fits(NUMBER) or left.fits(TEXT) else left
            hint = mend(unfit, NUMBER, right_expr if unfit is right else left_expr)
            message = f"'{operator}' takes two numbers or two texts, not {left} and {right}"
            self._report("TM204", span, message, hint=hint)

    def _logical(self, expr: Logical, known: Narrowed) -> Type:
        wrong: Expr | None = None
        for operand in expr.operands:
            found = self.type(operand, known)
            if wrong is None and not found.fits(BOOLEAN):
                wrong = operand
                message = f"'{expr.operator}' takes true or false; this is {in_words(found)}"
                hint = _OR_HINT if expr.operator == "or" else ""
                self._report("TM204", operand.span, message, hint=hint)
            known |= present_if(operand, expr.operator == "and", self._scope)
        return BOOLEAN

    def _choice(self, expr: Choice, known: Narrowed) -> Type:
        condition = self.type(expr.condition, known)
        self._want(condition, BOOLEAN, expr.condition, "'if' takes true or false", "TM205")
        branches = [
            self.type(branch, known | present_if(expr.condition, truth, self._scope))
            for truth, branch in ((True, expr.then), (False, expr.otherwise))
        ]
        return joined(branches)

    # ------------------------------------------------------------ calls

    def _call(self, call: Call, known: Narrowed) -> Type:
        function = function_named(call.function)
        if isinstance(function, Problem):
            self.problems.append(replace(function, span=call.name_span))
        if not isinstance(function, Function):  # an unknown name was reported when it was read
            return NEVER
        if not self._count_fits(call, function):
            return NEVER
        match function.name:
            case "has":
                return self._has(call, known)
            case "default":
                return self._default(call, known)
            case "first":
                return self._first(call, known)
        for parameter, argument in zip(function.parameters, call.arguments, strict=False):
            self._argument(function, parameter, argument, known)
        return type_of(function.result, type_of(function.items) if function.items else None)

    def _count_fits(self, call: Call, function: Function) -> bool:
        count = len(call.arguments)
        if count >= function.least and (function.most is None or count <= function.most):
            return True
        message = f"{function.name}() is given {count} arguments"
        self._report("TM104", call.span, message, hint=function.signature)
        return False

    def _argument(
        self, function: Function, parameter: Parameter, argument: Expr, known: Narrowed
    ) -> None:
        wanted = type_of(parameter.takes, type_of(parameter.items) if parameter.items else None)
        need = f"{function.name}() needs {wanted}" if parameter.takes else ""
        found = self.type(argument, known, need)
        if parameter.role == "pattern":
            self._pattern(function, argument)
        elif parameter.role != "converted" or found.known:
            self._want(found, wanted, argument, f"{function.name}() takes {wanted}", "TM104")

    def _pattern(self, function: Function, argument: Expr) -> None:
        if not isinstance(argument, Literal) or not isinstance(argument.value, str):
            message = f"the pattern of {function.name}() is a text that is written out"
            self._report("TM104", argument.span, message)
            return
        wrong = what_is_wrong_with_pattern(argument.value)
        if wrong:
            self._report("TM108", argument.span, wrong)

    def _field_argument(self, call: Call, position: int) -> Path | None:
        argument = call.arguments[position]
        if isinstance(argument, Path):
            return argument
        message = f"{call.function}() takes a field, such as start.scan_id"
        self._report("TM104", argument.span, message)
        return None

    def _has(self, call: Call, known: Narrowed) -> Type:
        path = self._field_argument(call, 0)
        if path is not None:
            self._found(path, known)
        return BOOLEAN

    def _default(self, call: Call, known: Narrowed) -> Type:
        otherwise = self.type(call.arguments[1], known)
        path = self._field_argument(call, 0)
        found = self._found(path, known) if path is not None else None
        if path is None or found is None:
            return NEVER
        if found.sure and not found.type.nullable and not found.type.reported:
            message = f"'{path}' is always there: this default is never used"
            self._report("TM208", call.span, message, hint=f"write: {path}")
        return found.type.without_null().join(otherwise)

    def _first(self, call: Call, known: Narrowed) -> Type:
        types: list[Type] = []
        sure = False
        for argument in call.arguments:
            if isinstance(argument, Path):
                found = self._found(argument, known)
                types.append(NEVER if found is None else found.type)
                sure |= found is None or (found.sure and not found.type.nullable)
            else:
                types.append(self.type(argument, known))
                sure |= not types[-1].nullable
        if not sure and not any(path in known for path in presumed(self._scope)):
            hint = "give a last argument that is always there, such as a literal"
            message = "every argument of first() may be absent"
            self._report("TM203", call.span, message, hint=hint)
        return joined(each.without_null() for each in types)


_OR_HINT = "for a value where another is absent: default(field, value) or first(field, field, …)"


# ---------------------------------------------------------------- words


def no_such_field(document: str, field: str, type: Type) -> tuple[str, str, str]:
    """Say that a document has no such field: message, label and hint."""
    near = did_you_mean(field, type.properties)
    if document == "settings":
        return f"there is no setting '{field}'", near, "" if near else "declare it under settings"
    hint = ""
    if document in {"start", "descriptor", "stop"}:
        hint = f"if your documents have it: source: {document}: properties: {field}: {{type: …}}"
    elif not near:
        hint = f"fields: {', '.join(type.properties)}"
    return f"{DOCUMENTS.get(document, document)} has no field '{field}'", near, hint


def mend(found: Type, wanted: Type, at: Expr) -> str:
    """Say how a value could be made to fit."""
    written = f"{at}" if isinstance(at, Path) else "…"
    if found.nullable and found.known and found.without_null().fits(wanted):
        return f"it may be null: default({written}, {_something_of(wanted, at)})"
    function = next((_CONVERSIONS[kind] for kind in _CONVERSIONS if {kind} == wanted.kinds), "")
    if isinstance(at, Path) and _is_undeclared_kwarg(at, found):
        return f"declare it:  {_declared(at, wanted)}"
    convertible = not found.known or found.kinds <= {"text", "number", "integer", "boolean"}
    if function and convertible:
        return f"write {function}({written})"
    return "" if found.known else "declare its type under source"


def _is_undeclared_kwarg(path: Path, type: Type) -> bool:
    """Whether a path leads to one of the kwargs of a resource or datum that no rule declares."""
    return (
        not type.known
        and len(path.steps) == 2
        and (path.root, path.steps[0])
        in {("resource", "resource_kwargs"), ("datum", "datum_kwargs")}
    )


def _declared(kwarg: Path, type: Type) -> str:
    """Write the declaration of one of the kwargs, with its type where there is just one."""
    word = "…" if len(type.kinds) > 1 else "string" if type.fits(TEXT) else str(type)
    return f"kwargs: {{{kwarg.steps[-1]}: {{type: {word}}}}}"


def in_words(type: Type) -> str:
    """Name a type in a sentence, with its article."""
    words = str(type)
    if not type.known:
        return "of unknown type"
    if words.startswith(("list", "number", "boolean")):
        return f"a {words}"
    return f"an {words}" if words.startswith(("integer", "object")) else words


def _shown(type: Type) -> str:
    if type.enum is not None and len(type.enum) == 1:
        return repr(type.enum[0])
    return str(type)


def possible_values(one: Type, other: Type) -> str:
    """Name the nearest of a few values that are possible."""
    for written, possible in ((one, other), (other, one)):
        if written.enum and possible.enum and len(written.enum) == 1:
            values = [value for value in possible.enum if isinstance(value, str)]
            return did_you_mean(str(written.enum[0]), values) or f"one of {', '.join(values)}"
    return ""


def _something_of(type: Type, expr: Expr) -> str:
    """Write a literal of a type, for a hint."""
    if type.enum:
        return repr(type.enum[0])
    last = str(expr.steps[-1]) if isinstance(expr, Path) and expr.steps else ""
    examples = {
        "text": "'unnamed'" if "name" in last else "'unknown'",
        "number": "0.0",
        "integer": "0",
        "boolean": "False",
        "array": "[]",
    }
    return next((examples[kind] for kind in examples if kind in type.kinds), "…")


# ---------------------------------------------------------------- patterns

_MANY = 10
"""A repeat of more than this counts as unbounded: what is repeated inside it multiplies."""


def what_is_wrong_with_pattern(pattern: str) -> str:
    """Say why a regular expression is not valid, or not safe to run on any text; empty if it is."""
    parser: Any = importlib.import_module("re._parser")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
            tree = parser.parse(pattern)
        nested = _repeats_in_repeats(tree, False)
    except (re.error, OverflowError, RecursionError) as error:
        return f"this is not a regular expression: {getattr(error, 'msg', error)}"
    return "a repeat inside a repeat can take forever on some texts" if nested else ""


def _repeats_in_repeats(tree: Iterable[Any], inside: bool) -> bool:
    for operator, arguments in tree:
        if str(operator) in {"MAX_REPEAT", "MIN_REPEAT"}:
            least, most, repeated = arguments
            if inside and least != most:
                return True
            if _repeats_in_repeats(repeated, inside or most > _MANY):
                return True
        elif any(_repeats_in_repeats(part, inside) for part in _parts(arguments)):
            return True
    return False


def _parts(arguments: Any) -> list[Any]:
    """List the patterns inside the arguments of a node of Python's own parser."""
    if hasattr(arguments, "getwidth"):
        return [arguments]
    if isinstance(arguments, tuple | list):
        return [part for each in arguments for part in _parts(each)]
    return []
