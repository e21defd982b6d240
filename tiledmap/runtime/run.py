"""One run on its way into Tiled: from its start document to its stop document."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tiledmap.runtime.binding import Binding, EventTrouble
from tiledmap.runtime.columns import number_shown
from tiledmap.runtime.delivery import Delivery
from tiledmap.runtime.documents import addition_problem, schema_problem, standard_descriptor
from tiledmap.runtime.errors import (
    InvalidDocumentError,
    LossyValueError,
    RefusedRunError,
    RuleError,
    WriteError,
    in_words,
)
from tiledmap.runtime.exact import NodeMetadata, bounded_repr
from tiledmap.runtime.files import Files
from tiledmap.runtime.functions import slug
from tiledmap.runtime.layout import Document, Dropped, Layout
from tiledmap.runtime.names import LONGEST_DATA_KEY, LONGEST_NODE_KEY, node_key_problem
from tiledmap.runtime.notes import Notes
from tiledmap.runtime.ops import (
    CloseRun,
    CreateContainer,
    Op,
    PatchMetadata,
    Path,
    Spec,
    ValidateFiles,
)
from tiledmap.runtime.repair import repair_data_keys, repaired
from tiledmap.runtime.report import RunReport, report_run
from tiledmap.runtime.streams import (
    Place,
    StreamNode,
    StreamPlan,
    check_paths,
    give_nodes_of_their_own,
    open_stream,
    opening_ops,
    plan_stream,
    updating_ops,
)
from tiledmap.runtime.tables import TablePart

logger = logging.getLogger("tiledmap")

Report = Callable[[WriteError], None]
LONGEST_VALUE_IN_A_NOTE = 1000


@dataclass(frozen=True, slots=True)
class RunNode:
    """What a layout makes of a start document."""

    path: Path
    specs: tuple[Spec, ...]
    metadata: dict[str, Any]


class Run:
    """A run that is being written.

    Parameters
    ----------
    start
        The start document, as it came.
    layout
        The mapping.
    fallback
        What stores documents that the mapping cannot; None if nothing does.
    send
        Takes the run's ops, each in its turn.
    report
        Told of every problem.
    check_files, file_roots
        As for `Writer`.

    Raises
    ------
    RefusedRunError
        If the run has no access tags and must have some.
    """

    def __init__(
        self,
        start: Document,
        layout: Layout,
        fallback: Layout | None,
        delivery: Delivery,
        report: Report,
        *,
        check_files: str = "off",
        file_roots: Iterable[str] = (),
    ) -> None:
        self.uid: str = start["uid"]
        self.notes = Notes()
        self.bindings: dict[str, Binding] = {}
        self.ignored: dict[str, str] = {}
        self._applied: Counter[tuple[str, str]] = Counter()
        self._early: dict[str, list[tuple[Binding, Document]]] = {}
        self._mapping = layout
        self._fallback = fallback
        self._delivery = delivery
        self._report = report
        self._streams: dict[str, list[StreamNode]] = {}
        self._made: set[Path] = set()
        self._taken: set[Path] = set()
        self._start: Document = repaired(
            layout, "start", start, start, self._failed("start"), self._count
        )
        self._check_files = check_files
        self.files = Files(self._start, layout, fallback, self._count, self._tell, file_roots)
        self._access_tags = self._tags()
        self._layout, node = self._open()
        self._path = node.path
        self._metadata = NodeMetadata(node.metadata)
        self._note_refused(self._metadata)
        self._send(self._opening_ops(node))

    def descriptor(self, given: Document) -> Binding | None:
        """Take a descriptor; give what takes its events, None if they are not to be stored."""
        uid = given["uid"]
        if uid in self.bindings or uid in self.ignored:
            return self.bindings.get(uid)
        failed = self._failed(_words("descriptor", given))
        descriptor = repaired(self._mapping, "descriptor", self._start, given, failed, self._count)
        descriptor = standard_descriptor(descriptor)
        keys = repair_data_keys(self._mapping, self._start, descriptor, failed, self._count)
        descriptor = {**descriptor, "data_keys": keys.data_keys}
        for layout, described in self._layouts_for_descriptor(descriptor):
            try:
                plan = plan_stream(layout, self._start, described, keys.names, keys.dropped)
                if isinstance(plan, Dropped):
                    self._ignore(uid, plan.reason)
                    return None
                return self._bind(uid, plan)
            except Exception as error:  # a rule meets a descriptor that it did not foresee
                failed(error, "")
        self._ignore(uid, "no layout could store its descriptor")
        return None

    def take_resource(self, document: Document, *, shared: bool = False) -> None:
        """Take a resource or a stream resource, and the stream datums that came before it."""
        self.files.take_resource(document, shared=shared)
        for binding, stream_datum in self._early.pop(document["uid"], ()):
            self.stream_datum(binding, stream_datum)

    def stream_datum(self, binding: Binding, document: Document) -> None:
        """Take a stream datum of one of the run's streams."""
        uid = document["stream_resource"]
        resource = self.files.resource(uid)
        if resource is None:
            self._early.setdefault(uid, []).append((binding, document))
            return
        if isinstance(resource, WriteError):
            reason = f"its stream resource cannot be used: {resource.reason}"
            self._lose_stream_datum(document, reason, resource.at)
            return
        rows = binding.rows_of_files(resource.data_key or "")
        if rows is not None:
            binding.consume(document, resource, rows)
        elif resource.data_key not in binding.dropped:
            key = resource.data_key
            self._lose_stream_datum(document, f"no data key {key!r} is stored as files there")

    def _lose_stream_datum(self, document: Document, reason: str, at: str = "") -> None:
        words = f"stream datums of {document['stream_resource']}"
        text = f"stream datum {document['uid']} is not stored: {reason}"
        if self.notes.add(text, words):
            self._report(RuleError(reason, run=self.uid, document=words, at=at))

    def stop(self, given: Document) -> RunReport:
        """Flush everything, then write the run's last word."""
        self._finish()
        if self._check_files != "off":
            try:
                self._look_at_files()
            except Exception as error:  # whatever it is, the run must be closed
                self._failed("files")(error, "")
        failed = self._failed("stop")
        stop = repaired(self._mapping, "stop", self._start, given, failed, self._count)
        patch: dict[str, Any] = {"stop": stop}
        for layout in self._layouts_for("stop", stop):
            try:
                patch = layout.run.stop_metadata(self._start, stop)
                break
            except Exception as error:  # a rule meets a stop document that it did not foresee
                failed(error, layout.run.at)
        self._send_last(patch)
        report = report_run(
            self._mapping, self._start, self._path, self._applied, tuple(self.notes.texts())
        )
        if words := str(report):
            logger.info("run %s: %s", self.uid, words)
        return report

    def _finish(self) -> None:
        """Send everything that waits, and say what nothing was found for."""
        for uid, waiting in self._early.items():
            for _, stream_datum in waiting:
                self._lose_stream_datum(stream_datum, f"its stream resource {uid!r} was not seen")
        self._early.clear()
        for node in self._nodes():
            self._send(node.binding.finish())
        for text in self.files.leftovers():
            self._warn(text)

    def _look_at_files(self) -> None:
        """Compare what documents declare with what files hold, here or on the server."""
        unseen: list[str] = []
        for rows in [each.rows for node in self._nodes() for each in node.binding.files]:
            check = rows.check(self._check_files)
            if check is None:
                continue
            if not check.looked:
                unseen += check.notes
                continue
            self._send(rows.mend(check.source))
            for text in check.notes:
                self._say_of_files(text, failed=check.failed)
        if unseen:
            self._let_server_look(unseen)

    def _let_server_look(self, unseen: list[str]) -> None:
        fix = self._check_files == "fix"
        at = self._layout.run.at
        found = self._delivery.validate_files(
            ValidateFiles(run=self.uid, path=self._path, at=at, fix=fix)
        )
        if found is None:
            for text in unseen:
                self._warn(text)
            return
        agrees, notes = found
        for text in notes:
            self._say_of_files(text, failed=not agrees and self._check_files == "error")

    def _say_of_files(self, text: str, *, failed: bool) -> None:
        if failed:
            self._tell(WriteError(text, run=self.uid, document="files"))
        else:
            self._warn(text)

    def abandon(self) -> None:
        """Flush everything of a run that has no stop document, and keep its notes."""
        self._finish()
        notes = self._all_notes()
        if notes:
            own = _listed(self._metadata.created.get("notes"))
            patch = self._metadata.patched({"notes": [*own, *notes]})
            at = self._layout.run.at
            self._send([PatchMetadata(run=self.uid, path=self._path, at=at, patch=patch)])

    def flush(self) -> None:
        """Send every row that waits."""
        for node in self._nodes():
            self.flush_binding(node.binding)

    def flush_binding(self, binding: Binding) -> None:
        """Send the rows that wait in one binding."""
        self._send(binding.flush())

    # How a run begins

    def _tags(self) -> tuple[str, ...] | None:
        rule = self._mapping.run
        try:
            tags = tuple(dict.fromkeys(rule.access_tags(self._start)))
        except Exception as error:  # a rule meets a start document that it did not foresee
            if not rule.fallback_tags:
                raise RefusedRunError(
                    f"its access tags cannot be made, so it is not written: {in_words(error)}",
                    run=self.uid,
                    document="start",
                    at=rule.at,
                ) from error
            self._failed("start")(error, rule.at)
            return rule.fallback_tags
        if not tags and not rule.fallback_tags and rule.untagged == "refuse":
            raise RefusedRunError(
                "it has no access tags, so it is not written",
                run=self.uid,
                document="start",
                at=rule.at,
            )
        return tags or rule.fallback_tags or None

    def _open(self) -> tuple[Layout, RunNode]:
        for layout in self._layouts_for("start", self._start):
            try:
                rule = layout.run
                node = RunNode(
                    path=tuple(rule.path(self._start)),
                    specs=tuple(rule.specs(self._start)),
                    metadata=rule.metadata(self._start),
                )
                check_paths([node.path])
                return layout, node
            except Exception as error:  # a rule meets a start document that it did not foresee
                self._failed("start")(error, layout.run.at)
        # Better a run that is there under its uid, as it came, than none.
        path = (slug(self.uid)[:LONGEST_NODE_KEY],)
        bare = RunNode(path, (Spec("BlueskyRun", "3.0"),), {"start": self._start})
        return self._fallback or self._mapping, bare

    def _opening_ops(self, node: RunNode) -> Iterator[Op]:
        at = self._layout.run.at
        for depth in range(1, len(node.path)):
            yield CreateContainer(
                run=self.uid,
                path=node.path[:depth],
                at=at,
                metadata={},
                access_tags=self._access_tags,
                shared=True,
            )
        yield CreateContainer(
            run=self.uid,
            path=node.path,
            at=at,
            metadata=self._metadata.created,
            specs=node.specs,
            access_tags=self._access_tags,
            on_collision=self._layout.run.on_collision,
        )

    # Streams

    def _bind(self, uid: str, plan: StreamPlan) -> Binding:
        """Find the node that rows of `plan` fit, or make one."""
        nodes = self._streams.setdefault(plan.name, [])
        signature = plan.signature
        for node in nodes:
            if node.plan.signature == signature:
                self._send(updating_ops(node, plan))
                self._note_refused(node.metadata)
                break
        else:
            node = self._new_node(plan, nodes)
        self.bindings[uid] = node.binding
        return node.binding

    def _new_node(self, plan: StreamPlan, former: list[StreamNode]) -> StreamNode:
        place = Place(
            self.uid,
            self._path,
            self._access_tags,
            self.files,
            taken=self._taken,
            continues=former[-1].path[-1] if former else None,
        )
        trouble = self._trouble(plan.name)
        node = open_stream(plan, place, trouble)
        containers = list(opening_ops(node, place, self._made))
        self._taken |= {op.path for op in (*containers, *node.coordinates)}
        self._taken |= {*node.binding.paths}
        former.append(node)
        self._note_opening(node, place)
        self._send(containers)
        self._send(node.coordinates)
        for part in node.binding.tables:
            if part.has_data_keys:
                self._create_table(node, part, place, trouble)
            else:  # readers of a stream that has no events look for no table
                part.waiting = part.create(self.uid, self._access_tags)
        return node

    def _note_opening(self, node: StreamNode, place: Place) -> None:
        plan, where = node.plan, "/".join(node.path)
        for text in plan.notes:
            self.notes.add(text)
        if place.continues is not None:
            self.notes.add(
                f"stream {plan.name!r} has other data keys from descriptor "
                f"{plan.descriptor['uid']} on, and continues in {where}"
            )
        elif node.path[len(self._path) :] != tuple(plan.rule.path(plan.start, plan.descriptor)):
            self._warn(f"stream {plan.name!r} is stored as {where}: its own place was taken")
        self._note_refused(node.metadata)

    def _create_table(
        self, node: StreamNode, part: TablePart, place: Place, trouble: EventTrouble
    ) -> None:
        """Make a table; columns that it cannot hold here become arrays beside it."""
        refusal = self._delivery.create_table(part.create(self.uid, self._access_tags))
        if refusal is None:
            return
        logger.info("run %s: %s", self.uid, refusal)
        for name in give_nodes_of_their_own(node, part, refusal.columns, place, trouble):
            self._warn(
                f"data_key {name!r} in stream {node.plan.name!r} is stored as an array beside the "
                f"table {part.path[-1]!r}, not in it: {refusal.reason}; {refusal.hint}"
            )
        self._delivery.send(part.create(self.uid, self._access_tags))

    def _ignore(self, uid: str, reason: str) -> None:
        logger.debug("run %s: descriptor %s is not stored: %s", self.uid, uid, reason)
        self.ignored[uid] = reason

    def _nodes(self) -> Iterator[StreamNode]:
        for nodes in self._streams.values():
            yield from nodes

    # What goes wrong

    def _layouts_for(self, name: str, document: Document) -> list[Layout]:
        """The layouts to try for a document: the fallback alone if it is not what was promised."""
        layout = self._mapping if name == "start" else self._layout
        problem, at = schema_problem(name, document), ""
        if problem is None and (schema := self._mapping.additions.get(name)):
            problem, at = addition_problem(schema, document), layout.run.at
        fallbacks = [self._fallback] if self._fallback not in (None, layout) else []
        rest = [other for other in fallbacks if other is not None]
        if problem is None:
            return [layout, *rest]
        error = InvalidDocumentError(problem, run=self.uid, document=_words(name, document), at=at)
        self._tell(error)
        return rest or [layout]

    def _layouts_for_descriptor(self, descriptor: Document) -> Iterator[tuple[Layout, Document]]:
        """What to try in turn; at last another name, if that is what kept a stream from a place."""
        layouts = self._layouts_for("descriptor", descriptor)
        yield from ((layout, descriptor) for layout in layouts)
        name = descriptor.get("name")
        if name is not None and node_key_problem(name):
            yield layouts[-1], {**descriptor, "name": slug(str(name))[:LONGEST_DATA_KEY]}

    def _failed(self, document: str) -> Callable[[Exception, str], None]:
        def failed(error: Exception, at: str) -> None:
            failure = RuleError(in_words(error), run=self.uid, document=document, at=at)
            failure.__cause__ = error
            self._tell(failure)

        return failed

    def note(self, error: WriteError) -> None:
        """Keep what was wrong with a document for the run's readers."""
        asked = f" (asked for at {error.at})" if error.at else ""
        self.notes.add(f"{error.document}: {error.reason}{asked}", "documents")

    def _count(self, section: str, name: str) -> None:
        self._applied[section, name] += 1

    def _tell(self, error: WriteError) -> None:
        self.note(error)
        self._report(error)

    def _warn(self, text: str, topic: str = "") -> None:
        """Keep a note, and log the first on each topic."""
        if self.notes.add(text, topic):
            logger.warning("run %s: %s", self.uid, text)

    def _trouble(self, stream: str) -> EventTrouble:
        def note(text: str, topic: str) -> None:
            self._warn(f"stream {stream!r}: {text}", f"stream {stream!r}: {topic}")

        def lost(key: str, seq_num: Any, value: Any, reason: str, at: str) -> None:
            document = f"event {number_shown(seq_num)} of stream {stream!r}"
            topic = f"stream {stream!r}: lost values of {key!r}"
            text = f"{document}: {key!r} is not stored: {reason}; its value is {_shown(value)}"
            if self.notes.add(text, topic):
                shown = f"{key!r} is not stored: {reason}: {_shown(value)}"
                self._report(LossyValueError(shown, run=self.uid, document=document, at=at))

        def failed(key: str, seq_num: Any, error: Exception, at: str) -> None:
            document = f"event {number_shown(seq_num)} of stream {stream!r}"
            topic = f"stream {stream!r}: failures of {key!r}"
            text = f"{document}: {key!r} could not be stored: {in_words(error)}"
            if self.notes.add(text, topic):
                failure = RuleError(in_words(error), run=self.uid, document=document, at=at)
                failure.__cause__ = error
                self._report(failure)

        def broken(node: str, seq_num: Any, error: Exception, at: str) -> None:
            began = "the last event" if seq_num is None else f"event {number_shown(seq_num)}"
            self._failed(f"{node}, which gets no rows from {began} on")(error, at)

        return EventTrouble(note, lost, failed, broken)

    def _note_refused(self, metadata: NodeMetadata) -> None:
        for text in metadata.refused:
            self._warn(f"metadata {text}")

    # How ops leave, and how a run ends

    def _send(self, ops: Iterable[Op]) -> None:
        for op in ops:
            self._delivery.send(op)

    def _all_notes(self) -> list[str]:
        for text in self._delivery.losses():
            self.notes.add(text)
        return self.notes.texts()

    def _send_last(self, patch: dict[str, Any]) -> None:
        notes = self._all_notes()
        if notes:
            own = patch.get("notes", self._metadata.created.get("notes"))
            patch = {**patch, "notes": [*_listed(own), *notes]}
        last = self._metadata.patched(patch)
        at = self._layout.run.at
        self._send([CloseRun(run=self.uid, path=self._path, at=at, patch=last)])


def _listed(notes: Any) -> list[Any]:
    """Notes that a mapping makes itself."""
    if notes is None:
        return []
    return list(notes) if isinstance(notes, list | tuple) else [notes]


def _words(name: str, document: Document) -> str:
    if name == "descriptor":
        return (
            f"descriptor {document.get('uid', '?')} of stream {document.get('name', 'primary')!r}"
        )
    return name


def _shown(value: Any) -> str:
    return bounded_repr(value, LONGEST_VALUE_IN_A_NOTE)
