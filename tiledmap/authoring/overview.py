"""What was seen, in words, for the top of a mapping."""

from collections.abc import Iterator

from tiledmap.authoring.seen import KeySeen, Survey
from tiledmap.authoring.words import counted, listed

MOST_FORMS = 4
"""Ways in which one data key is described."""
MOST_KEYS = 40
"""Data keys of a stream that are listed."""


def overview(survey: Survey, reference: str) -> Iterator[str]:
    """What was seen, line by line."""
    yield "Made by `tiledmap init`. Lines with `?` ask what documents do not say. To answer, take"
    yield "`# ` away from the lines of an answer, and from the names of the sections above it; then"
    yield "`tiledmap preview` shows what it does."
    yield ""
    yield from _recordings(survey)
    for name, problem in survey.invalid.items():
        yield f"  not every {name} is as event-model has it: {problem}"
    yield ""
    for stream in survey.streams:
        yield (
            f"stream {stream.name}: in {stream.runs} of {survey.runs} runs, {stream.events} events"
        )
        keys = [key for key in survey.keys if key.stream == stream.name]
        width = max((len(key.name) for key in keys[:MOST_KEYS]), default=0)
        for key in keys[:MOST_KEYS]:
            yield f"  {key.name:{min(width, 30)}}  {_described(key)}"
        if len(keys) > MOST_KEYS:
            yield f"  … and {len(keys) - MOST_KEYS} more"
    if survey.specs or survey.mimetypes or survey.directories:
        yield ""
    for spec in survey.specs:
        known = spec.mimetype or f"unknown to {reference.partition('@')[0]}"
        yield f"spec {spec.spec}: {known}; {counted(spec.resources, 'resource')}"
    for mimetype in survey.mimetypes:
        yield f"mimetype {mimetype.mimetype}: {counted(mimetype.resources, 'resource')}"
    for directory in survey.directories:
        there = "" if directory.there else ", not found here"
        yield f"directory {directory.path}: {counted(directory.files, 'file')}{there}"
    for file in survey.opened:
        held = counted(len(file.datasets), "dataset") if file.datasets or not file.remark else ""
        yield f"HDF5 file {file.path}: {'; '.join(filter(None, (held, file.remark)))}"
    if survey.specs or survey.mimetypes or survey.directories:
        yield ""


def _recordings(survey: Survey) -> Iterator[str]:
    for recording in survey.recordings:
        yield f"{recording.name}: {counted(recording.documents, 'document')}"
        if recording.broken:
            yield f"  could not be read to its end: {recording.broken}"
    unfinished = survey.runs - survey.finished
    yield (
        f"{counted(survey.runs, 'run')}"
        + (f", {unfinished} of them without a stop document" if unfinished > 0 else "")
    )


def _described(key: KeySeen) -> str:
    words = listed([form.said for form in key.forms], MOST_FORMS, " | ")
    if key.seen < key.of:
        words += f" (in {key.seen} of {key.of} descriptors)"
    return words
