"""Python that reads a node, with Tiled's client and that of bluesky-tiled-plugins."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tiledmap.docgen.mapping_pages.words import key_in_words, spec_names, varies
from tiledmap.outline.values import Family, Outline, OutlineNode

_CONNECT = """\
from tiled.client import from_uri

client = from_uri("http://localhost:8000")  # your server
"""
_FILES_OF_BYTES = "bytes"


@dataclass(frozen=True, slots=True)
class Variable:
    """A key that only documents know: its name in the snippet, an example, what it is."""

    name: str
    example: str
    comment: str


@dataclass(frozen=True, slots=True)
class Snippet:
    """A few lines of Python.

    Parameters
    ----------
    variables
        Keys that the reader puts in.
    statements
        What reads the node, once `variables` and ``client`` are there.
    """

    variables: tuple[Variable, ...]
    statements: str

    @property
    def text(self) -> str:
        """All of it."""
        width = max((len(_assignment(each)) for each in self.variables), default=0)
        keys = "".join(
            f"{_assignment(each):<{width}}  # {each.comment}\n" for each in self.variables
        )
        return f"{_CONNECT}{keys}\n{self.statements}"


def _assignment(variable: Variable) -> str:
    return f"{variable.name} = {_quoted(variable.example)}"


def snippet(outline: Outline, node: OutlineNode, example: Sequence[str] = ()) -> Snippet:
    """Write the Python that reads a node.

    Parameters
    ----------
    example
        The keys down to such a node in a real catalog.
    """
    above = ancestors(outline, node)
    names: dict[str, Variable] = {}
    lines: list[str] = []
    reached = "client"
    for depth, each in enumerate((*above, node)):
        parent = above[depth - 1] if depth else None
        key = _key(each, example[depth] if depth < len(example) else "", names)
        inside = f"{reached}.base" if _is_hidden(each, parent) else reached
        reached = f"{inside}[{key}]"
        name = _name_of(each)
        if name and each is not node:
            lines.append(f"{name} = {reached}")
            reached = name
    last = _name_of(node) or _BY_FAMILY[node.family]
    lines += [f"{last} = {reached}", *_reading(node, last)]
    return Snippet(tuple(names.values()), "\n".join(lines) + "\n")


def ancestors(outline: Outline, node: OutlineNode) -> tuple[OutlineNode, ...]:
    """Return the nodes above a node, from the top down."""

    def search(nodes: Sequence[OutlineNode]) -> tuple[OutlineNode, ...] | None:
        for each in nodes:
            if each.id == node.id:
                return ()
            below = search(each.children)
            if below is not None:
                return (each, *below)
        return None

    return search(outline.top) or ()


def _name_of(node: OutlineNode) -> str:
    """What a node of its own standing is called; empty for all others."""
    if node.id != node.rule:  # a container that a ``parent`` asks for
        return ""
    if node.rule == "run":
        return "run"
    return "stream" if node.rule.count(".") == 1 else ""


_BY_FAMILY = {
    Family.CONTAINER: "container",
    Family.TABLE: "table",
    Family.ARRAY: "array",
    Family.RAGGED: "ragged",
    Family.FILES: "array",
}


def _key(node: OutlineNode, example: str, names: dict[str, Variable]) -> str:
    """Return the key as Python: a literal, or a variable that is added to `names`."""
    if not varies(node.key):
        return _quoted(node.key)
    wanted = _variable_name(node)
    name = wanted if wanted not in names else f"{wanted}_{len(names) + 1}"
    comment = " ".join(key_in_words(node.key).split())
    names[name] = Variable(name, example or _EXAMPLES.get(wanted, "…"), comment)
    return name


def _quoted(text: str) -> str:
    """Write a text as Python does; JSON's literals are Python's too."""
    return json.dumps(text, ensure_ascii=False)


def _variable_name(node: OutlineNode) -> str:
    if node.rule == "run" and node.id == "run":
        return "uid" if node.key.replace(" ", "") == "${{start.uid}}" else "run_key"
    if node.rule.count(".") == 1 and node.id == node.rule:
        return "stream_name"
    return "data_key" if "data_key" in node.key else "key"


_EXAMPLES = {"uid": "…", "stream_name": "primary", "data_key": "detector"}


def _is_hidden(node: OutlineNode, parent: OutlineNode | None) -> bool:
    """Whether the clients of Bluesky's streams show a table's columns in its place."""
    return (
        node.family is Family.TABLE
        and parent is not None
        and bool({"BlueskyEventStream", "composite"} & set(spec_names(parent)))
    )


def _reading(node: OutlineNode, name: str) -> Iterator[str]:
    specs = spec_names(node)
    match node.family:
        case Family.TABLE:
            order = f".sort_values({_quoted(node.order)})" if node.order else ""
            yield f"{name}.read(){order}  # a pandas DataFrame"
        case Family.ARRAY:
            yield f"{name}.read()  # a numpy array; {name}[:10] is its beginning"
        case Family.RAGGED:
            yield f"{name}.read()  # an array whose rows have lengths of their own"
        case Family.FILES:
            yield from _reading_of_files(node, name)
        case Family.CONTAINER if node.rule == "run" and "BlueskyRun" in specs:
            yield "run.start, run.stop  # the documents"
            yield "list(run)  # the names of its streams"
        case Family.CONTAINER if "BlueskyEventStream" in specs:
            yield "stream.read()  # an xarray Dataset of all data keys"
            yield 'stream.metadata["data_keys"]' if _has(node, "data_keys") else "stream.metadata"
        case _:
            yield f"list({name})  # the keys of what is in it"
            yield f"{name}.metadata"


def _has(node: OutlineNode, key: str) -> bool:
    return any(entry.key == key or entry.key.startswith(f"{key}.") for entry in node.metadata)


def _reading_of_files(node: OutlineNode, name: str) -> Iterator[str]:
    readers = {asset.consolidator for asset in node.assets if not asset.refuse}
    if readers != {_FILES_OF_BYTES}:
        yield f"{name}.read()  # a numpy array; {name}[:10] is its beginning"
    if _FILES_OF_BYTES in readers:
        other = "" if readers == {_FILES_OF_BYTES} else "where files are mere bytes, "
        yield f'{name}.raw_export("downloads")  # {other}the files themselves'
    else:
        yield f"{name}.dims"
