"""What recorded documents hold, with how often, as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tiledmap.authoring.values import ValuesSeen
from tiledmap.authoring.words import lengths


@dataclass(frozen=True, slots=True)
class Recording:
    """A file of documents, how many could be read, and why no more."""

    name: str
    documents: int
    broken: str = ""


@dataclass(frozen=True, slots=True)
class FieldSeen:
    """A field that event-model does not know.

    Parameters
    ----------
    whole
        Whether all of its numbers had no fraction.
    """

    name: str
    schema: Mapping[str, Any]
    seen: int
    of: int
    whole: bool


@dataclass(frozen=True, slots=True)
class DatasetSeen:
    """A dataset of numbers in an HDF5 file."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __str__(self) -> str:
        return f"{self.name} ({lengths(self.shape)} of {self.dtype})"


@dataclass(frozen=True, slots=True)
class HDF5Seen:
    """An HDF5 file that is at hand.

    Parameters
    ----------
    datasets
        Those that may hold what a detector measures, the nearest to the file's root first.
    others
        What else there is by name, such as links: what is there, or below, is not known.
    remark
        Why the file was not looked at to its end; empty where it was.
    """

    path: str
    datasets: tuple[DatasetSeen, ...] = ()
    others: frozenset[str] = frozenset()
    remark: str = ""

    @property
    def name(self) -> str:
        """The file's own."""
        return self.path.rpartition("/")[2]

    def dataset(self, name: str) -> DatasetSeen | None:
        """The dataset of a name, with or without a slash before it."""
        return next((each for each in self.datasets if each.name == _absolute(name)), None)

    def has_no(self, name: str) -> bool:
        """Whether there surely is nothing of a name."""
        steps = _absolute(name).split("/")
        above = ("/".join(steps[:count]) for count in range(2, len(steps) + 1))
        return not self.remark and not self.dataset(name) and self.others.isdisjoint(above)


def _absolute(name: str) -> str:
    return "/" + "/".join(step for step in name.split("/") if step)


@dataclass(frozen=True, slots=True)
class FilesSeen:
    """What the values of a data key are in.

    Parameters
    ----------
    spec
        Empty for a stream resource that names none.
    refused
        Why the extended mapping cannot store them; empty where it can.
    lacks
        Parameters that their consolidator needs and nothing gives.
    uri
        Of the first; empty where nobody can find it.
    named
        The dataset that documents or rules name; empty where none does.
    hdf5
        The first, where it is at hand and such a file.
    fitting
        Datasets of it that the values may be in, where nobody names the right one; else None.
    """

    spec: str
    mimetype: str
    refused: str
    lacks: tuple[str, ...] = ()
    joined: str = ""
    uri: str = ""
    named: str = ""
    hdf5: HDF5Seen | None = None
    fitting: tuple[DatasetSeen, ...] | None = None

    @property
    def dataset(self) -> DatasetSeen | None:
        """The one that the values are in, where that is certain and it was seen."""
        if self.fitting is not None:
            return self.fitting[0] if len(self.fitting) == 1 else None
        return self.hdf5.dataset(self.named) if self.hdf5 is not None else None


@dataclass(frozen=True, slots=True)
class FormSeen:
    """A data key as some descriptors have it.

    Parameters
    ----------
    said
        What these say its type is, word for word.
    data_key
        In standard form and repaired.
    values
        Those of their events.
    """

    said: str
    data_key: Mapping[str, Any]
    values: ValuesSeen


@dataclass(frozen=True, slots=True)
class KeySeen:
    """A data key of a stream.

    Parameters
    ----------
    name
        As events name it.
    data_key
        As the last descriptor has it, in standard form and repaired.
    """

    stream: str
    name: str
    data_key: Mapping[str, Any]
    forms: tuple[FormSeen, ...]
    seen: int
    of: int
    files: tuple[FilesSeen, ...]

    @property
    def external(self) -> bool:
        return "external" in self.data_key

    @property
    def dataset(self) -> DatasetSeen | None:
        """Where its values are, as far as that is certain and was seen."""
        return next((each.dataset for each in self.files if each.dataset), None)


@dataclass(frozen=True, slots=True)
class StreamSeen:
    """A stream, by its name."""

    name: str
    runs: int
    events: int


@dataclass(frozen=True, slots=True)
class SpecSeen:
    """A spec of Resource documents.

    Parameters
    ----------
    mimetype
        What the extended mapping says it stands for; None where no rule knows it.
    refused
        What the extended mapping finds wrong with such a resource.
    """

    spec: str
    mimetype: str | None
    refused: str
    resources: int
    path: str
    kwargs: Mapping[str, Any]
    datum_kwargs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MimetypeSeen:
    """A mimetype of files, and why the extended mapping has no reader for it, if it has none."""

    mimetype: str
    resources: int
    refused: str


@dataclass(frozen=True, slots=True)
class DirectorySeen:
    """Where files are, by the first steps of their paths; whether there is such a place here."""

    path: str
    files: int
    there: bool


@dataclass(frozen=True, slots=True)
class Survey:
    """All that was seen."""

    recordings: tuple[Recording, ...]
    runs: int
    finished: int
    fields: Mapping[str, tuple[FieldSeen, ...]]
    invalid: Mapping[str, str]
    """The first fault of each kind of document that event-model's schema does not allow."""
    streams: tuple[StreamSeen, ...]
    keys: tuple[KeySeen, ...]
    specs: tuple[SpecSeen, ...]
    mimetypes: tuple[MimetypeSeen, ...]
    directories: tuple[DirectorySeen, ...]
    opened: tuple[HDF5Seen, ...]
    data_sessions: int
    """Start documents that name one, in the field that event-model has for it."""

    def field(self, name: str) -> FieldSeen | None:
        """A field of start documents."""
        return next((each for each in self.fields["start"] if each.name == name), None)
