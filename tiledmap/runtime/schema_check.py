"""Whether a document plainly is what a JSON schema says, at a tenth of what ``jsonschema`` takes.

A check is a function made of a schema once. It says yes only where ``jsonschema`` would, and may
say no where it is not sure: of keywords it does not know, of numpy's values, of keys that are no
text. Whoever is told no asks ``jsonschema``, which has the words for what is wrong as well. A
property test holds it to that.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Check: TypeAlias = Callable[[Any], bool]
Schema: TypeAlias = Mapping[str, Any]

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (float, int),
    "boolean": (bool,),
    "null": (type(None),),
    "object": (dict,),
    "array": (list, tuple),
}
_NO_ARRAYS = frozenset({str, int, float, bool, type(None), dict})
_WORDS = frozenset({"title", "description", "default", "$defs", "$schema", "examples"})
"""Keywords that allow everything."""


def plain_check(schema: Schema) -> Check:
    """A check whether documents plainly are what a schema says.

    Parameters
    ----------
    schema
        Of draft 2020-12, as event-model's are; its references are to its own ``$defs``.
    """
    check = _Maker(schema).check(schema)

    def is_plain(document: Any) -> bool:
        try:
            return check(document)
        except (RuntimeError, TypeError):  # circles; what changes meanwhile; keys that are no text
            return False

    return is_plain


class _Maker:
    """Makes the checks of one schema and of what it refers to."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._of_reference: dict[str, Check] = {}

    def check(self, schema: Schema | bool) -> Check:
        """A check of all that a schema says."""
        if isinstance(schema, bool):
            return _always if schema else _never
        checks: list[Check] = []
        if "type" in schema:
            checks.append(_has_type(schema["type"]))
        if not schema.keys().isdisjoint(_OF_OBJECTS):
            checks.append(self._object(schema))
        for keyword, said in schema.items():
            match keyword:
                case "$ref":
                    checks.append(self._reference(said))
                case "anyOf":
                    checks.append(_any_of([self.check(each) for each in said]))
                case "items":
                    checks.append(_items(self.check(said), len(schema.get("prefixItems", ()))))
                case "prefixItems":
                    checks.append(_prefix([self.check(each) for each in said]))
                case "minItems":
                    checks.append(_of_length(int(said).__le__))
                case "maxItems":
                    checks.append(_of_length(int(said).__ge__))
                case "pattern":
                    checks.append(_matches(said))
                case "enum":
                    checks.append(_is_one_of(said))
                case "const":
                    checks.append(_is_one_of([said]))
                case _ if keyword not in _WORDS | _OF_OBJECTS | {"type"}:
                    return _never
        return _all_of(checks)

    def _reference(self, reference: str) -> Check:
        """The check of a definition, which may refer to itself."""
        if reference not in self._of_reference:
            self._of_reference[reference] = lambda value: made(value)
            place, _, name = reference.rpartition("/")
            made = self.check(self._root["$defs"][name]) if place == "#/$defs" else _never
            self._of_reference[reference] = made
        return self._of_reference[reference]

    def _object(self, schema: Schema) -> Check:
        required = frozenset(schema.get("required", ()))
        properties = {name: self.check(said) for name, said in schema.get("properties", {}).items()}
        patterns = [
            (re.compile(pattern).search, self.check(said))
            for pattern, said in schema.get("patternProperties", {}).items()
        ]
        others = self.check(schema.get("additionalProperties", True))

        def is_object(value: Any) -> bool:
            if type(value) is not dict:
                return not isinstance(value, dict)  # what is said of objects is said of no others
            if not required <= value.keys():
                return False
            for name, item in value.items():
                if type(name) is not str:
                    return False
                known = properties.get(name)
                if known is not None and not known(item):
                    return False
                for search, check in patterns:
                    if search(name):
                        if not check(item):
                            return False
                        known = check
                if known is None and not others(item):
                    return False
            return True

        return is_object


_OF_OBJECTS = frozenset({"properties", "patternProperties", "additionalProperties", "required"})


def _always(value: Any) -> bool:
    return True


def _never(value: Any) -> bool:
    return False


def _all_of(checks: list[Check]) -> Check:
    if len(checks) == 1:
        return checks[0]
    if len(checks) == 2:
        first, second = checks
        return lambda value: first(value) and second(value)
    return lambda value: all(check(value) for check in checks)


def _any_of(checks: list[Check]) -> Check:
    return lambda value: any(check(value) for check in checks)


def _has_type(said: str | list[str]) -> Check:
    types = frozenset(
        each for name in ([said] if isinstance(said, str) else said) for each in _TYPES[name]
    )
    return lambda value: type(value) in types


def _items(check: Check, first: int) -> Check:
    return _of_array(lambda array: all(map(check, array[first:])))


def _prefix(checks: list[Check]) -> Check:
    return _of_array(
        lambda array: all(check(item) for check, item in zip(checks, array, strict=False))
    )


def _of_length(holds: Callable[[int], bool]) -> Check:
    return _of_array(lambda array: holds(len(array)))


def _of_array(check: Check) -> Check:
    """What is said of arrays is said of no others; numpy's are for ``jsonschema`` to judge."""

    def is_so(value: Any) -> bool:
        kind = type(value)
        return check(value) if kind is list or kind is tuple else kind in _NO_ARRAYS

    return is_so


def _matches(pattern: str) -> Check:
    search = re.compile(pattern).search
    return lambda value: type(value) is str and search(value) is not None


def _is_one_of(values: list[Any]) -> Check:
    texts = frozenset(value for value in values if isinstance(value, str))
    return lambda value: type(value) is str and value in texts
