"""From recordings to a mapping that validates: survey, propose, settle."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tiledmap.authoring.choosing import OF_FILES, PLAIN, Extended, current, extended
from tiledmap.authoring.draft import Draft
from tiledmap.authoring.propose import propose
from tiledmap.authoring.seen import Survey
from tiledmap.authoring.settle import settle
from tiledmap.authoring.survey import survey
from tiledmap.authoring.write import write
from tiledmap.documents.recordings import NamedDocument
from tiledmap.problems import MappingError


@dataclass(frozen=True, slots=True)
class Drafted:
    """A mapping that was drafted.

    Parameters
    ----------
    text
        As it is to be written.
    """

    draft: Draft
    survey: Survey
    text: str


def draft_mapping(
    recordings: Iterable[tuple[str, Iterable[NamedDocument]]],
    path: Path,
    name: str,
    extends: str | None = None,
) -> Drafted:
    """Draft a mapping for documents like those of recordings.

    Parameters
    ----------
    recordings
        The name of each, and its documents.
    path
        Where the mapping will be; what it extends is looked for from there.
    extends
        What it extends, with or without a range of versions. If None, ``bluesky-v3``; or
        ``resources``, which knows the specs of Resource documents, where there are any.

    Raises
    ------
    MappingError
        What is to be extended cannot be.
    """
    base = _extended(extends or current(OF_FILES), path)
    found = survey(recordings, base.layout)
    if extends is None and not found.specs:
        base = _extended(current(PLAIN), path)  # the same, but for the specs of files
    draft, problems = settle(propose(found, base, name), path)
    if problems:
        raise MappingError(problems)
    return Drafted(draft, found, write(draft))


def _extended(reference: str, path: Path) -> Extended:
    found = extended(reference, path)
    if isinstance(found, Extended):
        return found
    raise MappingError(found.problems)
