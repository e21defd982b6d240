"""What the documents of a run say of files: its resources and datums, in one form and repaired."""

from collections.abc import Callable, Iterable, Iterator

from tiledmap.runtime.consolidators import Reach
from tiledmap.runtime.errors import RuleError, WriteError, in_words
from tiledmap.runtime.layout import AssetRule, Document, Layout, Refused
from tiledmap.runtime.upgrade import Applied, DatumSaid, Resource, read_datum, upgrade_resource


class Files:
    """The resources and datums of one run.

    Parameters
    ----------
    start
        The run's start document.
    mapping, fallback
        Whose repairs and rules of assets hold; the fallback's where the mapping's cannot.
    applied
        Told of each repair that was applied.
    tell
        Told of what is wrong with a document.
    directories
        Files below these may be opened, and below where the mapping's repairs of roots lead.
    """

    def __init__(
        self,
        start: Document,
        mapping: Layout,
        fallback: Layout | None,
        applied: Applied,
        tell: Callable[[WriteError], None],
        directories: Iterable[str] = (),
    ) -> None:
        self.start = start
        self._directories = tuple(directories)
        self._mapping = mapping
        self._fallback = fallback
        self._applied = applied
        self._tell = tell
        self._resources: dict[str, Resource | WriteError] = {}
        self._datums: dict[str, Document] = {}
        self._spent: dict[str, Document] = {}
        self._unused: dict[str, str] = {}

    def take_resource(self, document: Document, *, shared: bool = False) -> None:
        """Take a resource or a stream resource.

        Parameters
        ----------
        shared
            True where it may belong to another run: then it is not said that nothing refers to it.
        """
        uid = document["uid"]
        if uid in self._resources:
            return
        try:
            resource = upgrade_resource(document, self.start, self._mapping.repairs, self._applied)
            self._resources[uid] = resource
            if not shared:
                self._unused[uid] = resource.uri
        except Exception as error:  # a rule meets a resource that it did not foresee
            failure = error if isinstance(error, WriteError) else RuleError(in_words(error))
            failure.run = self.start["uid"]
            failure.document = f"resource {uid}"
            self._resources[uid] = failure
            self._tell(failure)

    def take_datum(self, document: Document, *, shared: bool = False) -> None:
        """Take a datum; `shared` as for `take_resource`."""
        datums = self._spent if shared else self._datums
        datums[document["datum_id"]] = document

    def resource(self, uid: str) -> Resource | WriteError | None:
        """A resource; what was wrong with it; None if it has not come."""
        self._unused.pop(uid, None)
        return self._resources.get(uid)

    def datum(self, datum_id: str) -> Document | None:
        """A datum, or None if it has not come. Several events may refer to one."""
        if datum_id in self._datums:
            self._spent[datum_id] = self._datums.pop(datum_id)
        return self._spent.get(datum_id)

    def read_datum(self, datum: Document, resource: Resource) -> DatumSaid:
        """What a datum says, and what repairs say of it."""
        return read_datum(datum, resource, self.start, self._mapping.repairs, self._applied)

    def reach(self) -> Reach:
        """Where files may be opened: documents may come from strangers."""
        roots = (rule.becomes(self.start) for rule in self._mapping.repairs.roots)
        return Reach.below((*self._directories, *filter(_is_root, roots)))

    def asset_rule(self, stream_resource: Document) -> AssetRule | Refused:
        """The rule of assets for a stream resource."""
        layouts = [self._mapping] if self._fallback is None else [self._mapping, self._fallback]
        for layout in layouts:
            if layout.select_asset is not None:
                try:
                    return layout.select_asset(self.start, stream_resource)
                except Exception as error:  # a rule meets a document that it did not foresee
                    document = f"stream resource {stream_resource['uid']}"
                    self._tell(RuleError(in_words(error), run=self.start["uid"], document=document))
        return Refused("no rule of assets takes it", "")

    def leftovers(self) -> Iterator[str]:
        """What no event and no stream datum referred to, in words."""
        for uid, uri in self._unused.items():
            yield f"resource {uid}: nothing that is stored refers to {uri}"
        if unused := len(self._datums):
            yield f"{unused} datums were given to which no event that is stored refers"


def _is_root(path: str) -> bool:
    """Whether a path that a rule gives says where files are; ``/`` and ``/data/../x`` do not."""
    steps = [step for step in path.split("/") if step not in ("", ".")]
    return path.startswith("/") and bool(steps) and ".." not in steps
