"""Data keys in HDF5 files at hand of which nobody names the dataset, and which it may be."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from tiledmap.authoring.draft import Answer, Place, Statement
from tiledmap.authoring.formats import suffix_of
from tiledmap.authoring.seen import DatasetSeen, HDF5Seen, KeySeen
from tiledmap.authoring.words import counted, listed

MOST_CANDIDATES = 4


@dataclass(frozen=True, slots=True)
class Unnamed:
    """A data key whose dataset neither documents nor rules name, or not rightly.

    Parameters
    ----------
    mimetype
        Of its files; empty where no rule knows it.
    named
        The dataset that rules name, and that is not there.
    hdf5
        The first of its files.
    fitting
        Datasets of it that the values may be in.
    """

    key: KeySeen
    mimetype: str
    named: str
    hdf5: HDF5Seen
    fitting: tuple[DatasetSeen, ...]


def unnamed_keys(keys: Iterable[KeySeen], spec: str) -> list[Unnamed]:
    """Those whose files are of a spec, or of stream resources that name none."""
    return [
        Unnamed(key, files.mimetype, files.named, files.hdf5, files.fitting)
        for key in keys
        for files in key.files
        if files.spec == spec and files.hdf5 is not None and files.fitting is not None
    ]


def agreed_on(unnamed: Sequence[Unnamed]) -> DatasetSeen | None:
    """The one dataset that the values of all of them must be in."""
    found = {each.fitting[0].name if len(each.fitting) == 1 else None for each in unnamed}
    return unnamed[0].fitting[0] if len(found) == 1 and None not in found else None


def differ(unnamed: Sequence[Unnamed]) -> bool:
    """Whether no one dataset can be said of a spec: each data key may have its own."""
    return len(unnamed) > 1 and not unnamed[0].named and agreed_on(unnamed) is None


def candidates(unnamed: Sequence[Unnamed]) -> Sequence[DatasetSeen]:
    """The datasets that fit the first; where none does, the largest of its file."""
    if not unnamed:
        return ()
    by_size = sorted(unnamed[0].hdf5.datasets, key=lambda each: -prod(each.shape))
    return (unnamed[0].fitting or by_size)[:MOST_CANDIDATES]


def in_words(unnamed: Sequence[Unnamed]) -> tuple[str, ...]:
    """What is in the first of their files; no words where there are none."""
    if not unnamed:
        return ()
    first = unnamed[0]
    file, names = first.hdf5.name, listed([each.key.name for each in unnamed])
    said = [f"{file} has no {first.named}."] if first.named else []
    said += [f"{file}: {first.hdf5.remark}."] if first.hdf5.remark else []
    of = f"Of {counted(len(first.hdf5.datasets), 'dataset')} in {file}"
    if agreed := agreed_on(unnamed):
        said.append(f"{of}, {agreed} alone fits {names}.")
    elif first.hdf5.datasets:
        count = len(first.fitting)
        fit = "fit" if count > 1 else "fits"
        said.append(f"{of}, {count or 'none'} {fit} {first.key.name}.")
    return (" ".join(said),)


def nobody_says(lacks: Sequence[str]) -> str:
    """That parameters are not given."""
    return f"Neither documents nor rules say {' and '.join(lacks)}."


def guesses(lacks: Sequence[str], mimetype: str) -> dict[str, str]:
    """Parameters that nobody gives, as they often are."""
    often = {"dataset": "entry/data/data", "template": f"/{{:06d}}.{suffix_of(mimetype)}"}
    return {name: often.get(name, "?") for name in lacks}


def told_or_asked(
    place: Place,
    guessed: Mapping[str, str],
    unnamed: Sequence[Unnamed],
    question: Sequence[str],
    rule: Callable[[dict[str, Any]], dict[str, Any]],
) -> Statement:
    """Say where in files the data are, as a file proves it; or ask.

    Parameters
    ----------
    guessed
        Parameters that nobody gives.
    rule
        Makes a rule of these parameters.
    """
    found = {str(each): {**guessed, "dataset": each.name} for each in candidates(unnamed)}
    about = in_words(unnamed)
    if agreed_on(unnamed) is not None and list(guessed) == ["dataset"]:
        (parameters,) = found.values()
        return Statement(place, about, (Answer(rule(parameters)),), chosen=0)
    answers = [Answer(rule(each), label) for label, each in (found or {"": dict(guessed)}).items()]
    return Statement(place, (*question, *about), tuple(answers), urgent=True)
