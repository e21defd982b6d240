"""What is asked of files: where they are, where in them the data are, who reads them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tiledmap.authoring.choosing import Extended
from tiledmap.authoring.draft import Answer, Place, Statement
from tiledmap.authoring.formats import HDF5
from tiledmap.authoring.literals import HOLE, Names, literal
from tiledmap.authoring.seen import FilesSeen, KeySeen, Survey
from tiledmap.authoring.unnamed import (
    Unnamed,
    differ,
    guesses,
    nobody_says,
    told_or_asked,
    unnamed_keys,
)
from tiledmap.authoring.words import counted, lengths
from tiledmap.language import nodes
from tiledmap.runtime.documents import row_shape

_MIMETYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}(;[\w.+=-]{1,100})*")


@dataclass(frozen=True, slots=True)
class FileQuestions:
    """Asks what only people know of the files that were seen, whatever their specs."""

    survey: Survey
    extended: Extended
    names: Names

    def statements(self) -> Iterator[Statement]:
        """All of them, in no particular order of sections."""
        yield from self._roots()
        yield from self._assets()
        yield from self._incomplete_keys()
        yield from self._refused_keys()

    def _roots(self) -> Iterator[Statement]:
        place = ("repair", "roots")
        away = [
            each
            for each in self.survey.directories
            if each.path.startswith("/")
            and each.path != "/"
            and HOLE not in each.path
            and not each.there
        ]
        for each in sorted(away, key=lambda each: each.path):
            yield Statement(
                place,
                (
                    f"There is no {each.path} here ({counted(each.files, 'file')}). Are the files "
                    "elsewhere for the Tiled server?",
                ),
                (
                    Answer(
                        {
                            "name": self.names.unused(place, f"mount-of-{each.path.strip('/')}"),
                            "prefix": each.path,
                            "becomes": "/where/the/files/are",
                            "reason": "The server mounts the disk elsewhere.",
                        }
                    ),
                ),
            )

    def _assets(self) -> Iterator[Statement]:
        place = ("assets",)
        for seen in self.survey.mimetypes:
            if seen.refused and _MIMETYPE.fullmatch(seen.mimetype):
                yield Statement(
                    place,
                    (
                        f"Who reads files of the mimetype {seen.mimetype} "
                        f"({counted(seen.resources, 'resource')})? So far: {seen.refused}.",
                    ),
                    (
                        Answer(
                            {
                                "name": self.names.unused(place, seen.mimetype.rpartition("/")[2]),
                                "match": {"mimetype": literal(seen.mimetype)},
                                "refuse": "our files of ${{ stream_resource.mimetype }} "
                                "are read by no one",
                            },
                            label="no one",
                        ),
                    ),
                    urgent=True,
                )
        for key in self.survey.keys:
            mimetype = key.files[0].mimetype if key.files else ""
            if _is_of_unknown_length(key) and (rule := self._reader(mimetype)):
                like = self._like(rule, f"measured-{key.name}", mimetype, key)
                yield Statement(
                    place,
                    (
                        f"Can the files of {key.name} be read where the writer runs? Descriptors "
                        f"say {lengths(row_shape(key.data_key))}; then the shape is taken from the "
                        "files.",
                    ),
                    (Answer(like | {"structure_from": "file"}),),
                    urgent=True,
                )

    def _incomplete_keys(self) -> Iterator[Statement]:
        """Of data keys for which rules of specs cannot say where in their files they are."""
        for spec in ("", *(each.spec for each in self.survey.specs)):
            unnamed = unnamed_keys(self.survey.keys, spec)
            if not spec or differ(unnamed):
                for key in self.survey.keys:
                    of_key = [each for each in unnamed if each.key is key]
                    for files in key.files:
                        if files.spec == spec:
                            yield from self._incomplete_key(key, files, of_key)

    def _incomplete_key(
        self, key: KeySeen, files: FilesSeen, unnamed: Sequence[Unnamed]
    ) -> Iterator[Statement]:
        lacks = files.lacks or (("dataset",) if unnamed else ())
        mimetype = files.mimetype or HDF5
        reader = self._reader(mimetype)
        if lacks and reader is not None:
            like = self._like(reader, f"{lacks[0]}-of-{key.name}", mimetype, key)
            question = f"Where in the files of {key.name} are the data? {nobody_says(lacks)}"
            yield told_or_asked(
                ("assets",),
                guesses(lacks, mimetype),
                unnamed,
                (question,),
                lambda given: like | {"parameters": given},
            )

    def _refused_keys(self) -> Iterator[Statement]:
        """Of data keys whose documents are not as the rules that take their files expect."""
        unread = {each.mimetype for each in self.survey.mimetypes if each.refused}
        for key in self.survey.keys:
            for files in key.files:
                if (
                    files.refused
                    and files.mimetype
                    and files.mimetype not in unread
                    and not files.lacks
                    and not _is_of_unknown_length(key)
                ):
                    yield self._refused_key(key, files)

    def _refused_key(self, key: KeySeen, files: FilesSeen) -> Statement:
        question = f"What of the files of {key.name}? They are not stored: {files.refused}."
        place: Place = ("repair", "datums")
        rule = self.extended.rule_of_datums(files.spec)
        if rule is not None:
            answer = Answer(
                {"name": rule.name, "remove": "our datums are not as it expects"},
                label=f"without the inherited {rule.name!r}",
            )
        else:
            place = ("assets",)
            answer = Answer(
                {
                    "name": self.names.unused(place, f"not-{key.name}"),
                    "match": {"mimetype": literal(files.mimetype), "data_key": literal(key.name)},
                    "refuse": "nobody reads these files",
                },
                label="nobody reads them",
            )
        return Statement(place, (question,), (answer,), urgent=True)

    def _reader(self, mimetype: str) -> nodes.AssetRule | None:
        """The rule of what is extended that reads files of a mimetype."""
        for rule in self.extended.mapping.assets:
            patterns = rule.match and rule.match.mimetype
            if patterns and mimetype in patterns.texts and rule.consolidator is not None:
                return rule
        return None

    def _like(
        self, rule: nodes.AssetRule, name: str, mimetype: str, key: KeySeen
    ) -> dict[str, Any]:
        """A rule that reads files of one data key as another rule reads all."""
        said = {
            "name": self.names.unused(("assets",), name),
            "match": {"mimetype": literal(mimetype), "data_key": literal(key.name)},
            "consolidator": rule.consolidator,
            "needs": list(rule.needs),
            "join": rule.join.value if rule.join else None,
        }
        return {field: value for field, value in said.items() if value}


def _is_of_unknown_length(key: KeySeen) -> bool:
    return (
        key.external
        and None in row_shape(key.data_key)
        and any(each.refused and each.mimetype and not each.lacks for each in key.files)
    )
