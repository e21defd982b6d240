"""Which runs a document belongs to, as its uids tell."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tiledmap.runtime.errors import InvalidDocumentError, OrphanDocumentError
from tiledmap.runtime.exact import bounded_repr

KINDS = frozenset(
    {
        "start",
        "descriptor",
        "event",
        "event_page",
        "resource",
        "stream_resource",
        "datum",
        "datum_page",
        "stream_datum",
        "stop",
    }
)
"""The documents that a run is made of; those of bulk are unpacked before."""

_OF_DESCRIPTOR = frozenset({"event", "event_page", "stream_datum"})


@dataclass(frozen=True, slots=True)
class Route:
    """The runs that a document belongs to.

    Parameters
    ----------
    shared
        True where it names none, so that it may belong to others than those.
    """

    runs: tuple[str, ...]
    shared: bool = False


_NOWHERE = Route(())


@dataclass(slots=True)
class Routing:
    """Tells documents of interleaved runs apart.

    Parameters
    ----------
    repeats
        True to report each document of an unknown descriptor, not the first alone.
    """

    repeats: bool = False
    _open: dict[str, bool] = field(default_factory=dict)
    """By run, whether documents that name no run may belong to it."""
    _of_descriptor: dict[str, Route] = field(default_factory=dict)
    _of_resource: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _learned: dict[str, str] = field(default_factory=dict)
    """The runs of descriptors that came under another writer."""
    _unknown: set[Any] = field(default_factory=set)
    _strangers: bool = False

    def route(self, name: str, document: Any) -> Route:
        """The runs that a document belongs to.

        Raises
        ------
        InvalidDocumentError
            If it cannot be told, whatever other documents say.
        OrphanDocumentError
            If it belongs to no run that is open.
        """
        if name in _OF_DESCRIPTOR:
            try:
                return self._of_descriptor[document["descriptor"]]
            except (KeyError, TypeError, IndexError):
                pass
        try:
            return self._route(name, document)
        except (InvalidDocumentError, OrphanDocumentError):
            self._strangers = True  # there are documents of a run that is not known
            raise

    def _route(self, name: Any, document: Any) -> Route:
        if not isinstance(name, str) or name not in KINDS:
            words = name if isinstance(name, str) else bounded_repr(name)
            raise InvalidDocumentError("there are no documents of this kind", document=words)
        if not isinstance(document, Mapping):
            open_runs = ", ".join(self._open) or "none"
            raise InvalidDocumentError(
                f"it is no object but a {type(document).__name__} (runs that are open: "
                f"{open_runs})",
                document=name,
            )
        match name:
            case "start":
                return self._begin(_uid(document, "uid", name))
            case "descriptor":
                return self._describe(document)
            case "stop":
                return self._end(self._known(_uid(document, "run_start", name), name))
            case "resource" | "stream_resource":
                return self._announce(name, document)
            case "datum" | "datum_page":
                return self._point(name, document)
            case _:
                return self._go_on(name, document)

    def learn(self, run: str, name: str, document: Any) -> None:
        """Take in what a document says of a run that began under another writer.

        The run is open again for documents that name it, and for others once one of those has come,
        or where no other run is open.
        """
        self._open.setdefault(run, False)
        uid = document.get("uid")
        if not isinstance(uid, str):
            return
        if name == "descriptor":
            self._learned[uid] = run
        elif name in ("resource", "stream_resource"):
            self._add_resource(uid, (run,))

    def forget(self, run: str) -> None:
        """Forget which documents belong to a run that has ended."""
        self._open.pop(run, None)
        for descriptor in [uid for uid, of in self._of_descriptor.items() if run in of.runs]:
            del self._of_descriptor[descriptor]
        for descriptor in [uid for uid, of in self._learned.items() if of == run]:
            del self._learned[descriptor]
        for resource, runs in [*self._of_resource.items()]:
            if others := tuple(other for other in runs if other != run):
                self._of_resource[resource] = others
            else:
                del self._of_resource[resource]

    def _begin(self, run: str) -> Route:
        if self._open.get(run):
            raise OrphanDocumentError("it began before", run=run, document="start")
        self._open[run] = True
        return Route((run,))

    def _describe(self, descriptor: Mapping[str, Any]) -> Route:
        run = _uid(descriptor, "run_start", "descriptor")
        uid = _uid(descriptor, "uid", "descriptor")
        known = self._of_descriptor.get(uid)
        if known is not None and known.runs != (run,):
            reason = f"its uid is that of a descriptor of run {known.runs[0]}"
            raise InvalidDocumentError(reason, run=run, document=f"descriptor {uid}")
        route = self._of_descriptor[uid] = Route((self._known(run, "descriptor"),))
        return route

    def _end(self, run: str) -> Route:
        self.forget(run)
        return Route((run,))

    def _announce(self, name: str, resource: Mapping[str, Any]) -> Route:
        if named := resource.get("run_start"):
            known = isinstance(named, str) and named in self._open
            runs: tuple[str, ...] = (named,) if known else ()
            shared = False
        else:
            runs = self._candidates()
            shared = len(runs) > 1 or self._strangers
        if not runs:
            run = named if isinstance(named, str) else ""
            raise OrphanDocumentError("its run was not seen", run=run, document=name)
        if isinstance(uid := resource.get("uid"), str):
            self._add_resource(uid, runs)
        return Route(runs, shared)

    def _add_resource(self, uid: str, runs: tuple[str, ...]) -> None:
        self._of_resource[uid] = tuple(dict.fromkeys((*self._of_resource.get(uid, ()), *runs)))

    def _point(self, name: str, datum: Mapping[str, Any]) -> Route:
        resource = datum.get("resource")
        if isinstance(resource, str) and (runs := self._of_resource.get(resource)):
            return Route(runs, len(runs) > 1)
        runs = self._candidates()
        if not runs:
            raise OrphanDocumentError("its resource was not seen", document=name)
        return Route(runs, True)

    def _go_on(self, name: str, document: Mapping[str, Any]) -> Route:
        """Find the run that began under another writer; there is no other for this document."""
        uid = document.get("descriptor")
        if isinstance(uid, str) and (run := self._learned.pop(uid, None)) in self._open:
            assert run is not None
            route = self._of_descriptor[uid] = Route((self._known(run, name),))
            return route
        known = bounded_repr(uid)
        if known in self._unknown and not self.repeats:
            return _NOWHERE
        self._unknown.add(known)
        where = f"event {document['seq_num']}" if "seq_num" in document else name
        raise OrphanDocumentError(f"its descriptor {known} was not seen", document=where)

    def _candidates(self) -> tuple[str, ...]:
        """The runs to one of which a document must belong that names none."""
        live = tuple(run for run, is_live in self._open.items() if is_live)
        return live or tuple(self._open)

    def _known(self, run: str, document: str) -> str:
        if run not in self._open:
            raise OrphanDocumentError("its start document was not seen", run=run, document=document)
        self._open[run] = True
        return run


def _uid(document: Mapping[str, Any], field: str, what: str) -> str:
    uid = document.get(field)
    if not isinstance(uid, str):
        raise InvalidDocumentError(f"its {field} is no text, so it cannot be stored", document=what)
    return uid
