"""Short words for what an outline says: keys, families, and what tells a node at a glance."""

import re
from collections.abc import Iterator

from tiledmap.outline.values import Dropped, Entry, Family, OutlineNode
from tiledmap.outline.words import THE_REST

_HOLE = re.compile(r"\$\{\{\s*(.*?)\s*\}\}", re.DOTALL)
_DEFAULT = re.compile(r"default\(\s*([\w.\[\]\"']+)\s*,.*\)", re.DOTALL)

FAMILIES = {
    Family.CONTAINER: "container",
    Family.TABLE: "table",
    Family.ARRAY: "array",
    Family.RAGGED: "ragged array",
    Family.FILES: "array in files",
}
"""What a reader of the tree calls each family."""


def key_in_words(text: str) -> str:
    """Say a key so that it is short: ``${{ data_key.name }}`` is ``{data_key.name}``."""
    return _HOLE.sub(lambda hole: f"{{{_what_varies(hole[1])}}}", text)


def _what_varies(expression: str) -> str:
    whole = _DEFAULT.fullmatch(expression)
    return whole[1] if whole else " ".join(expression.split())


def sentence(text: str) -> str:
    """Begin a text with a capital letter."""
    return text[:1].upper() + text[1:]


def where(condition: str) -> str:
    """Say a rule's condition after what the rule makes; empty for none."""
    if not condition or condition.startswith("when "):
        return condition
    return f"for {condition}" if condition in THE_REST.values() else f"where {condition}"


def what_is_dropped(dropped: Dropped) -> str:
    """Say what a rule does not store."""
    if dropped.condition in THE_REST.values():
        return dropped.condition
    return " ".join(filter(None, (dropped.what, where(dropped.condition))))


def varies(text: str) -> bool:
    """Whether documents decide what a text is."""
    return "${{" in text


def shortened(text: str, length: int) -> str:
    """Cut a text that is longer than so many characters, with a mark that it was cut."""
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def spec_names(node: OutlineNode) -> tuple[str, ...]:
    """Name the specs that a node has whatever the documents say, without versions."""
    return tuple(_bare(spec) for spec in node.specs if not spec.condition and not varies(spec.text))


def _bare(spec: Entry) -> str:
    return spec.text.partition("/")[0]


def facts(node: OutlineNode) -> Iterator[str]:
    """Tell a node at a glance: what it is, then what tells it from others of its family."""
    yield FAMILIES[node.family]
    if node.family is Family.CONTAINER:
        specs = [spec.text for spec in node.specs if not varies(spec.text)]
        if specs:
            yield specs[0]
    elif node.family is Family.TABLE:
        yield ", ".join(key_in_words(column.name) for column in node.columns)
    elif node.family is Family.FILES:
        readers = list(dict.fromkeys(each.consolidator for each in node.assets if not each.refuse))
        yield ", ".join(reader.rpartition(":")[2] for reader in readers) or "no consolidator"
    if node.dims:
        yield ", ".join(node.dims)


def label_of(node: OutlineNode) -> str:
    """Name a node shortly and so that no other of its mapping is called the same.

    That is its rule: ``every-stream/files`` for ``streams.every-stream.data.files``.
    """
    steps = node.rule.split(".")
    if steps[0] == "streams":
        steps = [steps[1], *steps[3:]]
    name = "/".join(steps)
    return name if node.id == node.rule else f"{name} in {key_in_words(node.key)}"
