"""What recorded documents hold, with how often, as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tiledmap.authoring.values import ValuesSeen


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
    """

    spec: str
    mimetype: str
    uri: str
    refused: str
    lacks: tuple[str, ...]
    joined: str


@dataclass(frozen=True, slots=True)
class KeySeen:
    """A data key of a stream.

    Parameters
    ----------
    name
        As events name it.
    data_key
        As the last descriptor has it, in standard form and repaired.
    said
        What descriptors say its type is, word for word: one text for each form.
    """

    stream: str
    name: str
    data_key: Mapping[str, Any]
    said: tuple[str, ...]
    seen: int
    of: int
    values: ValuesSeen
    files: tuple[FilesSeen, ...]

    @property
    def external(self) -> bool:
        return "external" in self.data_key


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
    data_sessions: int
    """Start documents that name one, in the field that event-model has for it."""

    def field(self, name: str) -> FieldSeen | None:
        """A field of start documents."""
        return next((each for each in self.fields["start"] if each.name == name), None)
