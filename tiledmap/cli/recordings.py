"""Documents from the files that a user named, and which run each belongs to."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from tiledmap.cli.mistakes import PROBLEMS_FOUND, Mistake

Named: TypeAlias = tuple[str, dict[str, Any]]

_SUFFIXES = frozenset({".jsonl", ".json", ".msgpack"})


def is_named_as_one(path: Path) -> bool:
    """Whether a file is called as recordings are, packed or not."""
    return not _SUFFIXES.isdisjoint(path.suffixes)


def read(path: Path) -> Iterator[Named]:
    """Yield the documents of a recording.

    Raises
    ------
    Mistake
        If it cannot be read on, after all that comes before; or if it holds nothing.
    """
    from tiledmap.documents.recordings import RecordingError, read_documents

    empty = True
    try:
        for named in read_documents(path):
            empty = False
            yield named
    except RecordingError as error:
        raise Mistake(str(error), exit_code=PROBLEMS_FOUND) from error
    except OSError as error:
        raise Mistake(f"'{path}' cannot be read: {error.strerror or error}") from error
    if empty:
        raise Mistake(f"'{path}' holds no documents", exit_code=PROBLEMS_FOUND)


def read_all(paths: Iterable[Path], faults: list[Mistake]) -> Iterator[Named]:
    """Yield the documents of recordings as far as they can be read; note what cannot."""
    for path in paths:
        try:
            yield from read(path)
        except Mistake as fault:
            faults.append(fault)


class Runs:
    """Tells the run of each document from the documents before it."""

    def __init__(self) -> None:
        self._of: dict[str, str] = {}
        self._open: dict[str, None] = {}

    def run_of(self, name: str, document: dict[str, Any]) -> str | None:
        """Return the uid of the document's run; None where nothing before it says."""
        match name:
            case "start":
                uid = document.get("uid")
                if isinstance(uid, str):
                    self._open[uid] = None
                return self._remember(uid, uid if isinstance(uid, str) else None)
            case "stop":
                run = self._known(document.get("run_start"))
                self._open.pop(run or "", None)
                return run
            case "datum" | "datum_page" | "bulk_datum":
                run = self._known(document.get("resource"))
                return self._remember_all(_datum_ids(document), run)
            case "event" | "event_page" | "stream_datum":
                return self._known(document.get("descriptor"))
            case "bulk_events":
                return next(filter(None, map(self._known, document)), None)
            case "resource" | "stream_resource" if not document.get("run_start"):
                # Those of old do not name their run: it is the one that is being written.
                run = next(iter(self._open)) if len(self._open) == 1 else None
                return self._remember(document.get("uid"), run)
            case _:
                run = self._known(document.get("run_start"))
                return self._remember(document.get("uid"), run)

    # Nothing has checked the documents yet: what should be a uid may be anything.

    def _known(self, uid: Any) -> str | None:
        return self._of.get(uid) if isinstance(uid, str) else None

    def _remember(self, uid: Any, run: str | None) -> str | None:
        return self._remember_all([uid], run)

    def _remember_all(self, uids: Iterable[Any], run: str | None) -> str | None:
        if run is not None:
            self._of.update((uid, run) for uid in uids if isinstance(uid, str))
        return run


def _datum_ids(document: dict[str, Any]) -> list[str]:
    ids = document.get("datum_id", document.get("datum_ids", []))
    return ids if isinstance(ids, list) else [ids]
