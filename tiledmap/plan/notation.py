"""Expressions as text again, in the mapping's own notation or in one derived from it."""

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
from tiledmap.plan.steps import Parts

# How tightly each operator binds, loosest first, as in Python's grammar.
_CHOICE, _OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _SIGN, _ATOM = range(9)
_BINDING = {"or": _OR, "and": _AND, "not": _NOT, "-": _SIGN, "+": _SIGN}


class Notation:
    """The notation of mappings. Parentheses stand only where they are needed."""

    def write(self, expr: Expr, binding: int = _CHOICE) -> str:
        """Write an expression for a place that binds its operand as tightly as `binding`."""
        text, own = self._write(expr)
        return f"({text})" if own < binding else text

    def _write(self, expr: Expr) -> tuple[str, int]:
        match expr:
            case Literal(value=value):
                negative = isinstance(value, int | float) and str(value).startswith("-")
                return self.literal(value), _SIGN if negative else _ATOM
            case ListOf(items=items):
                return f"[{', '.join(map(self.write, items))}]", _ATOM
            case Path():
                return self.path(expr), _ATOM
            case Item(base=base, key=key):
                return f"{self.write(base, _ATOM)}[{self.literal(key)}]", _ATOM
            case Call():
                return self.call(expr)
            case Unary(operator=sign, operand=operand):
                own = _BINDING[sign]
                space = " " if sign == "not" else ""
                return f"{sign}{space}{self.write(operand, own)}", own
            case Binary(operator=sign, left=left, right=right):
                own = _SUM if sign in "+-" else _PRODUCT
                return f"{self.write(left, own)} {sign} {self.write(right, own + 1)}", own
            case Compare(first=first, rest=rest):
                compared = [
                    f" {sign} {self.write(operand, _COMPARE + 1)}" for sign, operand in rest
                ]
                return self.write(first, _COMPARE + 1) + "".join(compared), _COMPARE
            case Logical(operator=sign, operands=operands):
                own = _BINDING[sign]
                words = [self.write(operand, own + 1) for operand in operands]
                return f" {sign} ".join(words), own
            case Choice(condition=condition, then=then, otherwise=otherwise):
                return (
                    f"{self.write(then, _OR)} if {self.write(condition, _OR)}"
                    f" else {self.write(otherwise, _CHOICE)}",
                    _CHOICE,
                )
        raise TypeError(f"no notation for {type(expr).__name__}")

    def literal(self, value: object) -> str:
        """Write a constant."""
        return quote(value) if isinstance(value, str) else repr(value)

    def path(self, path: Path) -> str:
        """Write a path."""
        return str(path)

    def call(self, call: Call) -> tuple[str, int]:
        """Write a call, and say how tightly what was written binds."""
        return f"{call.function}({', '.join(map(self.write, call.arguments))})", _ATOM

    def parts(self, parts: Parts) -> str:
        """Write a text with holes."""
        return "".join(
            part if isinstance(part, str) else f"${{{{ {self.write(part)} }}}}" for part in parts
        )


def quote(text: str) -> str:
    """A Python string literal, with the quotes that formatters choose."""
    literal = repr(text)
    return literal if literal.startswith("'") and '"' in text else double_quoted(text)


def double_quoted(text: str) -> str:
    """A Python string literal between double quotes."""
    literal = repr(text)
    if literal.startswith('"'):
        return literal
    body = literal[1:-1].replace("\\'", "'").replace('"', '\\"')
    return f'"{body}"'


ATOM, COMPARE, CHOICE = _ATOM, _COMPARE, _CHOICE
