"""What Python programs use: validate a mapping, load it, compile it, make its writer.

`validate` returns problems and never raises for a bad mapping; `load` raises `MappingError`, which
carries them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiledmap.check.examine import Examined as Examined
from tiledmap.check.examine import examine as examine
from tiledmap.display.problem_list import ProblemList
from tiledmap.language.load import render, resolve
from tiledmap.problems import MappingError
from tiledmap.resources import shipped_mappings

if TYPE_CHECKING:
    from tiledmap.display.preview import Preview
    from tiledmap.docgen.mapping_pages import Documented
    from tiledmap.outline.values import Outline
    from tiledmap.plan.steps import Plan
    from tiledmap.runtime import Layout, Writer


def validate(
    source: str | Path,
    *,
    settings: Mapping[str, Any] | None = None,
    overlays: Sequence[str | Path] = (),
) -> ProblemList:
    """Say everything that is wrong with a mapping, in the order in which to read it."""
    examined = examine(source, settings=settings, overlays=overlays)
    return ProblemList(examined.problems, examined.sources)


def load(
    source: str | Path,
    *,
    settings: Mapping[str, Any] | None = None,
    overlays: Sequence[str | Path] = (),
) -> "LoadedMapping":
    """Load a mapping that can be compiled.

    Raises
    ------
    MappingError
        It has errors; the exception carries all problems, warnings too.
    """
    examined = examine(source, settings=settings, overlays=overlays)
    if examined.has_errors or examined.resolved.mapping is None:
        raise MappingError(examined.problems)
    return LoadedMapping(examined)


class LoadedMapping:
    """A mapping without errors."""

    def __init__(self, examined: Examined) -> None:
        self._examined = examined
        assert examined.resolved.mapping is not None
        self.resolved = examined.resolved.mapping
        self.settings = dict(examined.resolved.settings)
        self.sha256 = examined.resolved.sha256
        self.problems = ProblemList(examined.problems, examined.sources)
        self.sources = examined.sources

    def __repr__(self) -> str:
        return f"<mapping {self.name} {self.version}>"

    def _repr_html_(self) -> str:
        from tiledmap.outline.branches import outline_as_html

        warnings = self.problems._repr_html_() if self.problems else ""
        return outline_as_html(self.outline) + warnings

    @property
    def name(self) -> str:
        return self.resolved.name

    @property
    def version(self) -> str:
        return self.resolved.version

    @property
    def title(self) -> str:
        return self.resolved.title or ""

    @cached_property
    def plan(self) -> "Plan":
        """What the mapping does, as steps."""
        from tiledmap.plan.lower import lower

        return lower(self.resolved, self.settings, self.sha256)

    @cached_property
    def outline(self) -> "Outline":
        """Every node that the mapping makes, and the way of every field into them."""
        from tiledmap.outline.make import make_outline

        return make_outline(
            self.resolved,
            self.settings,
            chain=self._examined.resolved.chain,
            sha256=self.sha256,
        )

    def show(self, *, resolved: bool = False) -> str:
        """The plan as text, or the resolved mapping with nothing inherited left."""
        if resolved:
            return render(self.resolved)
        from tiledmap.plan.text import format_plan

        return format_plan(self.plan)

    def compile(self) -> str:
        """The text of the generated module; equal mappings give equal text."""
        from tiledmap.codegen.module import generate

        return generate(self.plan)

    @cached_property
    def layout(self) -> "Layout":
        """The generated module's layout, compiled in memory."""
        from tiledmap.codegen.loading import layout_of

        return layout_of(self.plan)

    def writer(self, client: Any, *, api_key: str | None = None, **options: Any) -> "Writer":
        """Make a Bluesky callback that writes to Tiled.

        Parameters
        ----------
        client
            A Tiled client for a container, the address of one on a server, or a sink. A server that
            is away when the writer is made is waited for, unless `delivery` is ``inline``.
        api_key
            For an address; that in ``TILED_API_KEY`` if None.
        options
            As `tiledmap.runtime.Writer` takes them.

        Raises
        ------
        tiledmap.sinks.server.UnreachableError
            If the address leads to no container of a Tiled server that the key opens.
        """
        from tiledmap.runtime import open_writer

        return open_writer(self.layout, client, api_key=api_key, **options)

    def documented(self, documents: Iterable[tuple[str, Mapping[str, Any]]] = ()) -> "Documented":
        """What the documentation site shows of the mapping.

        Parameters
        ----------
        documents
            Of an example run, whose tree it shows with real values.
        """
        from tiledmap.docgen.mapping_pages import documented

        given = list(documents)
        preview = self.preview(given) if given else None
        return documented(self.outline, self.resolved, self.sources, preview)

    def preview(self, documents: Iterable[tuple[str, Mapping[str, Any]]]) -> "Preview":
        """Write documents into memory: the tree that they would make, without a server."""
        from tiledmap.display.preview import Preview

        sink = Preview(title=f"{self.name} {self.version}")
        with self.writer(sink, delivery="inline") as writer:
            for name, document in documents:
                writer(name, dict(document))
        return sink


@dataclass(frozen=True, slots=True)
class Shipped:
    """A mapping that comes with tiledmap."""

    name: str
    version: str
    title: str
    path: Path


def shipped() -> list[Shipped]:
    """The mappings that come with tiledmap, by name."""
    found = []
    for name, path in sorted(shipped_mappings().items()):
        mapping = resolve(path).mapping
        assert mapping is not None, f"the shipped mapping {name} cannot be read"
        found.append(Shipped(name, mapping.version, mapping.title or "", path))
    return found
