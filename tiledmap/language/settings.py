"""The values of settings: declared defaults, the environment, and what is set by name.

A value that comes as text is read by the setting's type, so ``--set max_columns=012`` is the
number twelve and ``--set name=no`` the text ``no``.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from tiledmap.language.nodes import ScalarType, Setting
from tiledmap.language.scalars import Free, Text
from tiledmap.problems import Note, Problem, Span
from tiledmap.problems.nearest import did_you_mean

SettingValue = str | int | float | bool
PREFIX = "TILEDMAP_SET_"
_SET = "--set "


def variable(name: str) -> str:
    """Name the environment variable that gives a setting's value."""
    return PREFIX + name.upper().replace("-", "_")


def settle(
    declared: Mapping[str, Setting],
    given: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[dict[str, SettingValue], list[Problem]]:
    """Decide the value of each setting.

    Parameters
    ----------
    declared
        The settings of a resolved mapping, whose defaults count least.
    given
        Values by name, as from ``--set``; they count most.
    environ
        Variables such as ``TILEDMAP_SET_DATA_ROOT``. One that names no setting is left alone, for
        it may be meant for another mapping.
    """
    given, environ = given or {}, environ or {}
    values: dict[str, SettingValue] = {}
    problems = [
        _undeclared(name, value, declared) for name, value in given.items() if name not in declared
    ]
    for name, setting in declared.items():
        for value, span in _candidates(name, setting, given, environ):
            try:
                values[name] = _fitting(value, setting)
            except ValueError as error:
                notes = () if span == setting.at("default") else (_declared_at(setting),)
                message = f"the setting {name!r} {error}"
                problems.append(Problem("TM026", span, message, notes=notes))
    return values, problems


def place_of(origin: str, value: object) -> Span:
    """Make the place of a value that stands in no file."""
    return Span(origin, 1, 1, 1, 1 + len(str(value)))


def texts_of(given: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    """Collect the values that stand in no file by the names that their places have."""
    texts = {_option(name): str(value) for name, value in given.items()}
    return texts | {name: text for name, text in environ.items() if name.startswith(PREFIX)}


def given_by(name: str, texts: Mapping[str, str]) -> str:
    """Name what from outside gives a setting its value, of `texts_of`; empty for nothing."""
    return next((each for each in (_option(name), variable(name)) if each in texts), "")


def _option(name: str) -> str:
    return f"{_SET}{name}"


def set_by_name(origin: str) -> str:
    """Name the setting that a place outside of files gives a value by name; empty for others."""
    return origin.removeprefix(_SET) if origin.startswith(_SET) else ""


def _candidates(
    name: str, setting: Setting, given: Mapping[str, Any], environ: Mapping[str, str]
) -> Iterator[tuple[Any, Span]]:
    """Yield the values that a setting is given and their places; the last one counts."""
    if setting.default is not None:
        yield setting.default, setting.at("default")
    if (text := environ.get(variable(name))) is not None:
        yield text, place_of(variable(name), text)
    if name in given:
        yield given[name], place_of(_option(name), given[name])


def _undeclared(name: str, value: object, declared: Mapping[str, Setting]) -> Problem:
    hint = did_you_mean(name, declared)
    if not hint:
        hint = f"the settings are {', '.join(declared)}" if declared else "it has no settings"
    message = f"the mapping has no setting {name!r}"
    return Problem("TM025", place_of(_option(name), value), message, hint=hint)


def _declared_at(setting: Setting) -> Note:
    return Note("it is declared here", setting.at())


def _fitting(value: Any, setting: Setting) -> SettingValue:
    """Read a value by the setting's type; what is wrong with it is the message of ValueError."""
    read = _value_in_file if isinstance(value, Free) else _value_from_outside
    found = read(value, setting.type)
    if setting.choices and str(found) not in setting.choices:
        raise ValueError(f"is one of {', '.join(setting.choices)}, not {found!r}")
    if isinstance(found, int | float) and not isinstance(found, bool):
        if setting.minimum is not None and found < setting.minimum:
            raise ValueError(f"is at least {setting.minimum:g}, not {found}")
        if setting.maximum is not None and found > setting.maximum:
            raise ValueError(f"is at most {setting.maximum:g}, not {found}")
    return found


def _value_in_file(free: Free, type_: ScalarType | None) -> SettingValue:
    if isinstance(free.value, Text) and free.value.literal is None:
        raise ValueError("is a literal, without ${{ }}")
    if type_ is ScalarType.STRING and free.written is not None:
        return free.written
    value = free.plain()
    if type_ is None and isinstance(value, str | int | float):
        return value
    return _of_type(value, type_)


def _value_from_outside(value: Any, type_: ScalarType | None) -> SettingValue:
    if isinstance(value, PurePath):
        value = str(value)
    if not isinstance(value, str):
        return _of_type(value, type_)
    text = value.strip()
    if type_ is ScalarType.INTEGER and re.fullmatch(r"[-+]?\d{1,19}", text, re.ASCII):
        return int(text)
    if type_ is ScalarType.NUMBER and re.fullmatch(_NUMBER, text, re.ASCII):
        return float(text)
    if type_ is ScalarType.BOOLEAN and text.lower() in ("true", "false"):
        return text.lower() == "true"
    return _of_type(value, type_)


_LARGEST = 1e308
_NUMBER = r"[-+]?\d{1,19}(\.\d{1,30})?([eE][-+]?\d{1,2})?"


def _of_type(value: Any, type_: ScalarType | None) -> SettingValue:
    match type_, value:
        case ScalarType.BOOLEAN, bool():
            return value
        case ScalarType.INTEGER, int() if not isinstance(value, bool) and abs(value) < 2**63:
            return value
        case ScalarType.NUMBER, int() | float():
            if not isinstance(value, bool) and abs(value) < _LARGEST:
                return float(value)
        case ((ScalarType.STRING | None), str()):
            return value
    raise ValueError(f"is {_NOUNS[type_ or ScalarType.STRING]}, not {value!r}")


_NOUNS = {
    ScalarType.STRING: "text",
    ScalarType.INTEGER: "a whole number",
    ScalarType.NUMBER: "a number",
    ScalarType.BOOLEAN: "true or false",
}
