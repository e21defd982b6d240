"""Expressions that try to get out."""

import random

NAMES = (
    *("start", "descriptor", "data_key", "event", "value", "settings", "stop", "__builtins__"),
    *("os", "sys", "open", "eval", "exec", "__import__", "globals", "self", "_", "lambda", "x"),
)
ATTRIBUTES = (
    *("uid", "time", "__class__", "__mro__", "__subclasses__", "__globals__", "__init__", "format"),
    *("get", "items", "keys", "pop", "popitem", "clear", "update", "setdefault", "func_code"),
    *("__getattribute__", "__dict__", "__doc__", "mro", "f_back", "gi_frame", "tb_frame"),
)
LITERALS = (
    "'a'",
    '"b"',
    "1",
    "0",
    "-1",
    "1e400",
    "None",
    "True",
    "[]",
    "{}",
    "()",
    "9" * 40,
    "b'x'",
)
FUNCTIONS = (
    *("default", "has", "first", "str", "int", "float", "replace", "pad", "matches", "join"),
    *("getattr", "setattr", "vars", "dir", "print", "input", "compile", "breakpoint", "type"),
    *("open", "eval", "exec", "__import__", "memoryview", "object", "super", "slug", "split"),
)
FORMS = (
    *("{0}.{a}", "{0}['{a}']", "{0}[{1}]", "{f}({0})", "{f}({0}, {1})", "{0} + {1}", "{0} * {1}"),
    *(
        "{0} % {1}",
        "{0} if {1} else {2}",
        "{0} == {1}",
        "{0} in {1}",
        "not {0}",
        "-{0}",
        "[{0}, {1}]",
    ),
    *(
        "({0} for x in {1})",
        "[x for x in {0}]",
        "lambda: {0}",
        "f'{{{0}}}'",
        "{0}.{a}()",
        "{0}[1:2]",
    ),
    *("{0} ** {1}", "(x := {0})", "*{0}", "{0}; {1}", "{0} and {1}", "{0} or {1}", "await {0}"),
    *(
        "{{'a': {0}}}",
        "{0}\n{1}",
        "{0} # {1}",
        "{0}\\",
        "({0}",
        "{0})",
        "'{0}",
        "{0} @ {1}",
        "...{0}",
    ),
)


def hostile(chance: random.Random, depth: int = 3) -> str:
    """A random expression, most of it not of the language."""
    if depth == 0 or chance.random() < 0.2:
        return chance.choice(chance.choice((NAMES, LITERALS)))
    form = chance.choice(FORMS)
    parts = [hostile(chance, depth - 1) for _ in range(3)]
    return form.format(*parts, a=chance.choice(ATTRIBUTES), f=chance.choice(FUNCTIONS))
