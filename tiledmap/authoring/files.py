"""What is asked of files: where they are, what their specs stand for, who reads them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tiledmap.authoring.choosing import Extended, shipped_rules
from tiledmap.authoring.draft import Answer, Statement
from tiledmap.authoring.formats import (
    BYTES,
    FORMATS,
    HDF5,
    JPEG,
    NPY,
    TIFF,
    is_numbered,
    likely_format,
)
from tiledmap.authoring.literals import HOLE, Names, literal, reason
from tiledmap.authoring.seen import KeySeen, SpecSeen, Survey
from tiledmap.authoring.words import counted, lengths, listed
from tiledmap.runtime.documents import row_shape

_MIMETYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}(;[\w.+=-]{1,100})*")
_SAID_ANEW = frozenset({"name", "match", "over", "reason"})
"""What a rule of another mapping says of its own place there."""


@dataclass(frozen=True, slots=True)
class FileQuestions:
    """Asks what only people know of the files that were seen."""

    survey: Survey
    extended: Extended
    names: Names

    def statements(self) -> Iterator[Statement]:
        """All of them, in no particular order of sections."""
        yield from self._roots()
        for spec in self.survey.specs:
            yield from self._spec(spec)
        yield from self._joins()
        yield from self._assets()

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

    def _spec(self, seen: SpecSeen) -> Iterator[Statement]:
        if seen.mimetype is None:
            yield self._unknown_spec(seen)
        elif seen.refused:
            yield self._refused_spec(seen)
        else:
            lacks = self._lacks(seen.spec)
            if lacks:
                yield self._incomplete_spec(seen, lacks)

    def _unknown_spec(self, seen: SpecSeen) -> Statement:
        place = ("repair", "resources")
        name = self.names.unused(place, seen.spec)
        likely = likely_format(seen)
        answers = [
            Answer(
                {"name": name, **self._rule_of_format(seen, mimetype)},
                label=FORMATS[mimetype],
            )
            for mimetype in dict.fromkeys((likely, HDF5, BYTES))
        ]
        for mapping, rule in list(shipped_rules(seen.spec))[:2]:
            if rule["mimetype"] in FORMATS:
                rule = {
                    "name": name,
                    "match": {"spec": literal(seen.spec)},
                    **{key: value for key, value in rule.items() if key not in _SAID_ANEW},
                    "reason": rule.get("reason", reason(f"What {seen.spec} stands for.")),
                }
                answers.insert(0, Answer(rule, label=f"as in the shipped mapping {mapping}"))
        return Statement(
            place,
            (
                f"What do files of the spec {seen.spec} hold? No rule knows it, so they are not "
                "stored.",
                f"Seen in {_example(seen)}. {_kwargs_shown(seen)}",
            ),
            tuple(answers),
            urgent=True,
        )

    def _rule_of_format(self, seen: SpecSeen, mimetype: str) -> dict[str, Any]:
        """A rule that says that a spec's files are of a format, as far as it can be told."""
        rule: dict[str, Any] = {
            "match": {"spec": literal(seen.spec)},
            "mimetype": mimetype,
        }
        if (
            mimetype in (TIFF, JPEG, NPY)
            and "template" not in seen.kwargs
            and not is_numbered(seen)
        ):
            if seen.kwargs.get("filename", {}).get("type") == "string":
                rule["kwargs"] = {"filename": {"type": "string"}}
                stem = "${{ resource.resource_kwargs.filename }}_"
            else:
                stem = "/"
            suffix = mimetype.rpartition("/")[2].removeprefix("x-")
            slash = "" if stem == "/" else "/"
            template = f"{slash}{stem}${{{{ pad(index, 6) }}}}.{suffix}"
            rule["parameters"] = {"template": template}
        if mimetype == HDF5 and not {"path", "dataset"} & seen.kwargs.keys():
            nexus = seen.path.endswith((".nxs", ".nx5"))
            place = "entry/instrument/detector/data" if nexus else "entry/data/data"
            rule["parameters"] = {"dataset": place}
        if mimetype != BYTES:
            rule["join"] = "concat" if self._is_of_frames(seen.spec) else "stack"
        rule["reason"] = reason(f"What {seen.spec} stands for.")
        return rule

    def _is_of_frames(self, spec: str) -> bool:
        """Whether each point has one frame, and a dimension for it: rows can follow each other."""
        shapes = [row_shape(key.data_key) for key in self._keys_of(spec)]
        return any(len(shape) >= 3 and shape[0] == 1 for shape in shapes)

    def _keys_of(self, spec: str) -> list[KeySeen]:
        return [key for key in self.survey.keys if any(each.spec == spec for each in key.files)]

    def _lacks(self, spec: str) -> list[str]:
        found = (each for key in self.survey.keys for each in key.files if each.spec == spec)
        return list(dict.fromkeys(name for each in found for name in each.lacks))

    def _refused_spec(self, seen: SpecSeen) -> Statement:
        """A rule knows the spec, and this resource is not as the rule expects."""
        place = ("repair", "resources")
        inherited = self.extended.rules_of_spec(seen.spec)
        name = self.names.unused(place, f"{seen.spec}-here")
        rule = {"name": name, **self._rule_of_format(seen, str(seen.mimetype))}
        if len(inherited) == 1 and len(inherited[0].match.spec.texts) == 1:  # type: ignore[union-attr]
            rule["name"] = inherited[0].name
            note = f"The rule takes the place of the inherited {inherited[0].name!r}."
        else:
            rule["over"] = inherited[-1].name if inherited else None
            note = ""
        return Statement(
            place,
            (
                f"What are resources of the spec {seen.spec}? They are not as its rule expects: "
                f"{seen.refused}.",
                f"Seen in {_example(seen)}. {_kwargs_shown(seen)} {note}".rstrip(),
            ),
            (Answer({key: value for key, value in rule.items() if value is not None}),),
            urgent=True,
        )

    def _incomplete_spec(self, seen: SpecSeen, lacks: list[str]) -> Statement:
        place = ("repair", "resources")
        parameters = {
            name: {"dataset": "entry/data/data", "template": "/${{ pad(index, 6) }}.tiff"}.get(
                name, "?"
            )
            for name in lacks
        }
        return Statement(
            place,
            (
                f"Where in files of the spec {seen.spec} are the data? Neither documents nor rules "
                f"say {' and '.join(lacks)}.",
                f"Seen in {_example(seen)}. {_kwargs_shown(seen)}",
            ),
            (
                Answer(
                    {
                        "name": self.names.unused(place, f"{seen.spec}-{lacks[0]}"),
                        "match": {"spec": literal(seen.spec)},
                        "parameters": parameters,
                        "reason": "The documents do not say it.",
                    }
                ),
            ),
            urgent=True,
        )

    def _joins(self) -> Iterator[Statement]:
        """Frames of a point that have a dimension of their own, which is always one long."""
        place = ("repair", "resources")
        for spec in self.survey.specs:
            single = [
                key
                for key in self._keys_of(spec.spec)
                if len(shape := row_shape(key.data_key)) >= 3
                and shape[0] == 1
                and any(each.spec == spec.spec and each.joined == "stack" for each in key.files)
            ]
            said = any(rule.join is not None for rule in self.extended.rules_of_spec(spec.spec))
            if single and spec.mimetype is not None and not spec.refused and not said:
                shown = lengths(row_shape(single[0].data_key))
                yield Statement(
                    place,
                    (
                        f"Should the frames of {spec.spec} follow each other? {single[0].name} has "
                        f"the shape {shown} for each point; stacked, an array of 10 points is "
                        f"10 x {shown}, and concatenated 10{shown[1:]}.",
                    ),
                    (
                        Answer(
                            {
                                "name": self.names.unused(place, f"{spec.spec}-join"),
                                "match": {"spec": literal(spec.spec)},
                                "join": "concat",
                                "reason": "Each point has one frame.",
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
                        f"Who reads files of the mimetype {seen.mimetype}? {seen.refused} "
                        f"({counted(seen.resources, 'resource')}).",
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
        unknown = [key for key in self.survey.keys if _is_of_unknown_length(key)]
        for key in unknown:
            files = key.files[0]
            rule = next(
                (
                    rule
                    for rule in self.extended.mapping.assets
                    if rule.match is not None
                    and rule.match.mimetype is not None
                    and files.mimetype in rule.match.mimetype.texts
                ),
                None,
            )
            if rule is None or rule.consolidator is None:
                continue
            data = {
                "name": self.names.unused(place, f"measured-{key.name}"),
                "match": {"mimetype": literal(files.mimetype), "data_key": literal(key.name)},
                "consolidator": rule.consolidator,
                "needs": list(rule.needs),
                "join": rule.join.value if rule.join else None,
                "structure_from": "file",
            }
            yield Statement(
                place,
                (
                    f"Can the files of {key.name} be read where the writer runs? Descriptors say "
                    f"{lengths(row_shape(key.data_key))}; then the shape is taken from the files.",
                ),
                (Answer({name: value for name, value in data.items() if value}),),
                urgent=True,
            )


def _is_of_unknown_length(key: KeySeen) -> bool:
    return (
        key.external
        and None in row_shape(key.data_key)
        and any(each.refused and each.mimetype and not each.lacks for each in key.files)
    )


def _kwargs_shown(seen: SpecSeen) -> str:
    said = []
    for owner, kwargs in (("resource", seen.kwargs), ("datum", seen.datum_kwargs)):
        if kwargs:
            said.append(f"{owner}_kwargs have {listed(list(kwargs))}")
    text = "; ".join(said)
    return f"Their {text}." if text else "They say nothing else."


def _example(seen: SpecSeen) -> str:
    """How many resources there are, and where one of them is, in short."""
    steps = seen.path.split("/")
    path = seen.path if len(steps) <= 4 else "/".join(["…", *steps[-3:]])
    return f"{counted(seen.resources, 'resource')}, such as {path or 'one without a path'}"
