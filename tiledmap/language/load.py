"""Load a mapping: find it and those that it extends, merge them, settle the settings."""

import hashlib
import json
import os
import re
from collections.abc import Callable, Sequence
from collections.abc import Mapping as Names
from dataclasses import dataclass, field
from importlib import metadata, resources
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import tiledmap
from tiledmap.language.extends import merge, missing, without
from tiledmap.language.nodes import Mapping, Requires
from tiledmap.language.parse import parse_mapping, parse_requires
from tiledmap.language.render import plain, render
from tiledmap.language.settings import SettingValue, settle, texts_of
from tiledmap.language.versions import RangeError, admits
from tiledmap.language.yaml_source import Source, read_source
from tiledmap.problems import Note, Problem, Severity, Span, rank
from tiledmap.problems.nearest import did_you_mean
from tiledmap.resources import shipped_mappings

__all__ = ["Link", "Reader", "Reading", "Resolved", "read_mapping", "render", "resolve"]

MAX_DEPTH = 8
"""Mappings in one chain of extends."""


class Link(NamedTuple):
    """A mapping of a chain of extends."""

    name: str
    version: str
    file: str


@dataclass(frozen=True)
class Resolved:
    """A mapping with nothing inherited left, or why there is none.

    Parameters
    ----------
    mapping
        The merged mapping; None where it could not be made. Lists are whole, in `Items.items`.
    settings
        The value of each setting.
    problems
        What was found on the way, suppressions not yet applied.
    files
        What was read, the mapping itself first.
    chain
        The mapping itself, then what it extends; overlays come before it.
    sha256
        Of the merged mapping and its settings, wherever they were written.
    inherited
        What the mapping itself extends, merged; None where it extends nothing.
    texts
        The text of each file, and of each value from outside, by the name that spans use.
    """

    mapping: Mapping | None
    settings: dict[str, SettingValue] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    files: tuple[Source, ...] = ()
    chain: tuple[Link, ...] = ()
    sha256: str = ""
    inherited: Mapping | None = None
    texts: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def broken(self) -> bool:
        """Whether there is an error among the problems."""
        return any(problem.severity is Severity.ERROR for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Reading:
    """A file as far as it can be read, taken alone."""

    source: Source | None
    mapping: Mapping | None
    problems: tuple[Problem, ...]


Reader: TypeAlias = Callable[[Path | str, str], Reading]
"""Reads a mapping: from a path, or from its text, with the name that spans give it."""


def read_mapping(content: Path | str, file: str) -> Reading:
    """Read a mapping, without what it extends."""
    source, problems = read_source(content, file)
    if source is None:
        return Reading(None, None, tuple(problems))
    if unmet := _unmet(parse_requires(source)):
        return Reading(source, None, tuple(unmet))
    mapping, found = parse_mapping(source)
    return Reading(source, mapping, (*problems, *found))


def resolve(
    source: str | Path,
    settings: Names[str, Any] | None = None,
    environ: Names[str, str] | None = None,
    overlays: Sequence[str | Path] = (),
    read: Reader = read_mapping,
) -> Resolved:
    """Load a mapping and everything that it stands on.

    Parameters
    ----------
    source
        A file, or the name of a shipped mapping.
    settings
        Values of settings by name.
    environ
        The environment, of which ``TILEDMAP_SET_*`` is read; nothing is if not given.
    overlays
        Files that extend the mapping, each put on top of what is before it.
    read
        How a file is read, for whoever has texts that are not saved yet.
    """
    loader = _Loader(read)
    mapping = loader.top(source)
    for overlay in overlays:
        mapping = loader.overlay(Path(overlay), mapping)
    texts = {file.file: file.text for file in loader.files}
    texts |= texts_of(settings or {}, environ or {})
    values: dict[str, SettingValue] = {}
    digest = ""
    if mapping is not None:
        mapping = without(mapping, {"extends"})
        loader.problems += missing(mapping)
        values, found = settle(mapping.settings, settings, environ)
        loader.problems += found
        digest = _digest(mapping, values)
    return Resolved(
        mapping,
        values,
        tuple(rank(loader.problems)),
        tuple(loader.files),
        tuple(loader.chain),
        digest,
        loader.inherited,
        texts,
    )


def _digest(mapping: Mapping, values: dict[str, SettingValue]) -> str:
    said = {"mapping": plain(mapping), "settings": values}
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Place:
    """Something to read, and the name that spans give it.

    `identity` tells whether two places are the same.
    """

    file: str
    identity: str
    path: Path | None = None
    text: str = ""

    @property
    def content(self) -> Path | str:
        return self.path if self.path is not None else self.text


def _file(path: Path, name: str | None = None) -> _Place:
    try:
        identity = str(path.resolve())
    except (OSError, ValueError, RuntimeError):  # reading it will say what is wrong
        identity = str(path)
    return _Place(name or str(path), identity, path)


class _NotFoundError(Exception):
    """What is extended is not there."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class _Loader:
    def __init__(self, read: Reader) -> None:
        self._read = read
        self.problems: list[Problem] = []
        self.files: list[Source] = []
        self.chain: list[Link] = []
        self.inherited: Mapping | None = None
        self._base: _Place | None = None

    def top(self, source: str | Path) -> Mapping | None:
        """Load the mapping that was asked for."""
        if isinstance(source, Path) or re.search(r"[/\\]|\.ya?ml$", source):
            place = _file(Path(source))
        else:
            try:
                place = _shipped(source)
            except _NotFoundError as error:
                span = Span(source, 1, 1, 1, 1)
                hint = f"write ./{source} for the file" if _is_file(source) else error.hint
                self.problems.append(Problem("TM020", span, error.message, hint=hint))
                return None
        self._base = place
        return self.load(place, ())

    def load(self, place: _Place, trail: tuple[_Place, ...]) -> Mapping | None:
        """Read a mapping and put it on top of what it extends."""
        mapping = self.read(place)
        if mapping is None:
            return None
        self.chain.append(Link(mapping.name, mapping.version, place.file))
        parent: Mapping | None = None
        if "extends" in mapping.given:
            parent = self.parent(mapping, place, (*trail, place))
            if parent is None:
                return None
        elif mapping.key_at("extends") != mapping.at():  # written, but not readable
            return None
        if not trail:
            self.inherited = parent
        merged, problems = merge(parent, mapping)
        self.problems += problems
        return merged

    def read(self, place: _Place) -> Mapping | None:
        reading = self._read(place.content, place.file)
        self.problems += reading.problems
        if reading.source is not None:
            self.files.append(reading.source)
        return reading.mapping

    def parent(self, mapping: Mapping, place: _Place, trail: tuple[_Place, ...]) -> Mapping | None:
        """Load what a mapping extends."""
        span = mapping.at("extends")
        reference, _, range_ = (mapping.extends or "").partition("@")
        try:
            found = _find(reference, place)
        except _NotFoundError as error:
            self.problems.append(Problem("TM020", span, error.message, hint=error.hint))
            return None
        if found.identity in [other.identity for other in trail]:
            self.problems.append(_circle(span, trail, found))
            return None
        if len(trail) >= MAX_DEPTH:
            message = f"more than {MAX_DEPTH} mappings extend one another"
            self.problems.append(Problem("TM022", span, message))
            return None
        parent = self.load(found, trail)
        if parent is not None and range_:
            self.problems += _other_version(span, range_, parent)
        return parent

    def overlay(self, path: Path, mapping: Mapping | None) -> Mapping | None:
        """Put an overlay on top of the mapping."""
        place = _file(path)
        over = self.read(place)
        if over is None or mapping is None:
            return None
        reference, _, range_ = (over.extends or "").partition("@")
        span = over.at("extends")
        if reference and not self._is_base(reference, place):
            message = f"this overlay extends {over.extends!r}, not the mapping that is loaded"
            note = Note("the mapping is this one", mapping.at("name"))
            self.problems.append(Problem("TM015", span, message, notes=(note,)))
            return None
        if range_:
            self.problems += _other_version(span, range_, mapping)
        self.chain.insert(0, Link(over.name, over.version, place.file))
        merged, problems = merge(mapping, over)
        self.problems += problems
        return merged

    def _is_base(self, reference: str, place: _Place) -> bool:
        if reference in [link.name for link in self.chain]:
            return True
        try:
            return self._base is not None and _find(reference, place).identity == (
                self._base.identity
            )
        except _NotFoundError:
            return False


def _unmet(requires: Requires | None) -> list[Problem]:
    """Report the packages whose versions a mapping cannot be used with."""
    if requires is None:
        return []
    wanted = (
        ("tiledmap", requires.tiledmap, tiledmap.__version__),
        ("event_model", requires.event_model, metadata.version("event-model")),
    )
    problems: list[Problem] = []
    for name, range_, version in wanted:
        package = name.replace("_", "-")
        try:
            if range_ is not None and not admits(range_, version):
                message = f"this mapping needs {package} {range_}, and {version} is installed"
                hint = f"pip install '{package}{range_}'"
                problems.append(Problem("TM013", requires.at(name), message, hint=hint))
        except RangeError:
            problems.append(_no_range(requires.at(name), range_ or ""))
    return problems


def _no_range(span: Span, range_: str) -> Problem:
    hint = "write ^3, ~3.1 or >=3,<4"
    return Problem("TM010", span, f"{range_!r} is not a range of versions", hint=hint)


def _other_version(span: Span, range_: str, parent: Mapping) -> list[Problem]:
    try:
        if admits(range_, parent.version):
            return []
    except RangeError:
        return [_no_range(span, range_)]
    message = f"{parent.name} has version {parent.version}, which {range_} does not allow"
    return [Problem("TM023", span, message, notes=(Note("its version", parent.at("version")),))]


def _circle(span: Span, trail: Sequence[_Place], again: _Place) -> Problem:
    first = [place.identity for place in trail].index(again.identity)
    circle = [*(place.file for place in trail[first:]), again.file]
    message = f"mappings extend each other in a circle: {' > '.join(circle)}"
    return Problem("TM021", span, message, hint="one of them must extend something else")


def _find(reference: str, place: _Place) -> _Place:
    """Find what a mapping extends: a file beside it, a package's resource, or a shipped name."""
    if reference.startswith((".", "/")):
        return _beside(reference, place)
    if ":" in reference:
        return _resource(reference)
    return _shipped(reference)


def _beside(reference: str, place: _Place) -> _Place:
    if place.path is None:
        raise _NotFoundError(f"{place.file} is inside a package and cannot extend a file")
    path = place.path.parent / reference
    name = os.path.normpath(os.path.join(os.path.dirname(place.file), reference))
    if not _is_file(path):
        near = did_you_mean(path.name, [other.name for other in path.parent.glob("*.y*ml")])
        raise _NotFoundError(f"there is no file {name}", near)
    return _file(path, name)


def _is_file(path: str | Path) -> bool:
    try:
        return Path(path).is_file()
    except (OSError, ValueError):  # of a name that no file can have
        return False


def _resource(reference: str) -> _Place:
    package, _, resource = reference.partition(":")
    if not re.fullmatch(r"[A-Za-z_][\w.]*", package) or not re.fullmatch(
        r"\w[\w-]*([./][\w-]+)*", resource
    ):
        raise _NotFoundError(f"{reference!r} does not name a resource", "write package:file.yaml")
    try:
        text = resources.files(package).joinpath(resource).read_text(encoding="utf-8-sig")
    except Exception as error:  # importing a package may fail in any way
        reason = f"{type(error).__name__}: {error}"
        raise _NotFoundError(f"cannot read {resource} of the package {package}", reason) from None
    return _Place(reference, reference, text=text)


def _shipped(name: str) -> _Place:
    shipped = shipped_mappings()
    if name not in shipped:
        near = did_you_mean(name, shipped)
        known = f"shipped are {', '.join(shipped)}; write ./{name}.yaml for a file"
        raise _NotFoundError(f"there is no shipped mapping {name!r}", near or known)
    return _file(shipped[name], shipped[name].name)
