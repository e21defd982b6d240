"""What specs of Resource documents stand for: what files prove, and what only people know."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
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
    suffix_of,
)
from tiledmap.authoring.literals import Names, literal, reason
from tiledmap.authoring.seen import DatasetSeen, KeySeen, SpecSeen, Survey
from tiledmap.authoring.unnamed import (
    Unnamed,
    agreed_on,
    candidates,
    differ,
    guesses,
    in_words,
    nobody_says,
    told_or_asked,
    unnamed_keys,
)
from tiledmap.authoring.words import counted, lengths, listed
from tiledmap.runtime.documents import row_shape

_PLACE = ("repair", "resources")
_PERHAPS_TEXT = {"type": ["string", "null"]}
_SAID_ANEW = frozenset({"name", "match", "over", "reason"})
"""What a rule of another mapping says of its own place there."""


@dataclass(frozen=True, slots=True)
class SpecQuestions:
    """Says of the specs that were seen what files at hand prove, and asks the rest."""

    survey: Survey
    extended: Extended
    names: Names

    def statements(self) -> Iterator[Statement]:
        """All of them."""
        for spec in self.survey.specs:
            yield from self._spec(spec)
        yield from self._joins()

    def _spec(self, seen: SpecSeen) -> Iterator[Statement]:
        unnamed = unnamed_keys(self.survey.keys, seen.spec)
        if seen.mimetype is None:
            ask = self._hdf5_spec if differ(unnamed) else self._unknown_spec
            yield ask(seen, unnamed)
        elif seen.refused:
            yield self._refused_spec(seen, agreed_on(unnamed))
        elif not differ(unnamed) and (lacks := self._lacks(seen.spec, unnamed)):
            yield self._incomplete_spec(seen, lacks, unnamed)

    def _hdf5_spec(self, seen: SpecSeen, unnamed: Sequence[Unnamed]) -> Statement:
        """Say that a spec's files are HDF5, with a dataset for each data key."""
        rule = {
            "name": self.names.unused(_PLACE, seen.spec),
            "match": {"spec": literal(seen.spec)},
            "mimetype": HDF5,
            "kwargs": {"dataset": _PERHAPS_TEXT},
            "reason": reason(f"What {seen.spec} stands for."),
        }
        about = f"{unnamed[0].hdf5.name} is HDF5; rules of assets say which dataset is whose."
        return Statement(_PLACE, (about,), (Answer(rule),), chosen=0)

    def _unknown_spec(self, seen: SpecSeen, unnamed: Sequence[Unnamed]) -> Statement:
        name = self.names.unused(_PLACE, seen.spec)
        answers = [
            Answer(
                {"name": name, **self._rule_of_format(seen, HDF5, dataset)},
                label=f"an HDF5 file, with the data in {dataset}",
            )
            for dataset in candidates(unnamed)
        ]
        about = in_words(unnamed)
        if agreed_on(unnamed) is not None:
            return Statement(_PLACE, about, (replace(answers[0], label=""),), chosen=0)
        guesses = (BYTES,) if answers else dict.fromkeys((likely_format(seen), HDF5, BYTES))
        answers += [
            Answer({"name": name, **self._rule_of_format(seen, mimetype)}, label=FORMATS[mimetype])
            for mimetype in guesses
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
            _PLACE,
            (
                f"What do files of the spec {seen.spec} hold? No rule knows it, so they are not "
                "stored.",
                f"Seen in {_example(seen)}. {_kwargs_shown(seen)}",
                *about,
            ),
            tuple(answers),
            urgent=True,
        )

    def _rule_of_format(
        self, seen: SpecSeen, mimetype: str, dataset: DatasetSeen | None = None
    ) -> dict[str, Any]:
        """A rule that says that a spec's files are of a format, as far as it can be told."""
        rule: dict[str, Any] = {
            "match": {"spec": literal(seen.spec)},
            "mimetype": mimetype,
        }
        brought = "template" in seen.kwargs or is_numbered(seen)
        if mimetype in (TIFF, JPEG, NPY) and brought:
            rule["kwargs"] = {"template": _PERHAPS_TEXT}
        elif mimetype in (TIFF, JPEG, NPY):
            if seen.kwargs.get("filename", {}).get("type") == "string":
                rule["kwargs"] = {"filename": {"type": "string"}}
                stem = "${{ resource.resource_kwargs.filename }}_"
            else:
                stem = "/"
            slash = "" if stem == "/" else "/"
            template = f"{slash}{stem}${{{{ pad(index, 6) }}}}.{suffix_of(mimetype)}"
            rule["parameters"] = {"template": template}
        if dataset is not None:
            rule["parameters"] = {"dataset": dataset.name}
        elif mimetype == HDF5 and "dataset" in seen.kwargs:
            rule["kwargs"] = {"dataset": _PERHAPS_TEXT}
        elif mimetype == HDF5 and "path" in seen.kwargs:
            rule["kwargs"] = {"path": _PERHAPS_TEXT}
            value = "default(resource.resource_kwargs.path, 'entry/data/data')"
            rule["parameters"] = {"dataset": f"${{{{ {value} }}}}"}
        elif mimetype == HDF5:
            nexus = seen.path.endswith((".nxs", ".nx5"))
            guess = "entry/instrument/detector/data" if nexus else "entry/data/data"
            rule["parameters"] = {"dataset": guess}
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

    def _lacks(self, spec: str, unnamed: Sequence[Unnamed]) -> list[str]:
        found = (each for key in self.survey.keys for each in key.files if each.spec == spec)
        lacks = list(dict.fromkeys(name for each in found for name in each.lacks))
        return lacks or (["dataset"] if unnamed else [])

    def _refused_spec(self, seen: SpecSeen, dataset: DatasetSeen | None) -> Statement:
        """A rule knows the spec, and this resource is not as the rule expects."""
        inherited = self.extended.rules_of_spec(seen.spec)
        name = self.names.unused(_PLACE, f"{seen.spec}-here")
        rule = {"name": name, **self._rule_of_format(seen, str(seen.mimetype), dataset)}
        if len(inherited) == 1 and len(inherited[0].match.spec.texts) == 1:  # type: ignore[union-attr]
            rule["name"] = inherited[0].name
            note = f"The rule takes the place of the inherited {inherited[0].name!r}."
        else:
            rule["over"] = inherited[-1].name if inherited else None
            note = ""
        return Statement(
            _PLACE,
            (
                f"What are resources of the spec {seen.spec}? They are not as its rule expects: "
                f"{seen.refused}.",
                f"Seen in {_example(seen)}. {_kwargs_shown(seen)} {note}".rstrip(),
            ),
            (Answer({key: value for key, value in rule.items() if value is not None}),),
            urgent=True,
        )

    def _incomplete_spec(
        self, seen: SpecSeen, lacks: Sequence[str], unnamed: Sequence[Unnamed]
    ) -> Statement:
        """Say what nobody says of a spec's files, or what rules say wrongly; or ask."""
        name = self.names.unused(_PLACE, f"{seen.spec}-{lacks[0]}")
        over = [
            rule.name
            for rule in self.extended.rules_of_spec(seen.spec)
            if unnamed and unnamed[0].named and "dataset" in rule.parameters
        ]

        def rule(parameters: dict[str, Any]) -> dict[str, Any]:
            return {
                "name": name,
                "match": {"spec": literal(seen.spec)},
                **({"over": over[-1]} if over else {}),
                "parameters": parameters,
                "reason": "Its files have it here." if over else "The documents do not say it.",
            }

        question = (
            f"Where in files of the spec {seen.spec} are the data? "
            + (f"Not where {over[-1]!r} says." if over else nobody_says(lacks)),
            f"Seen in {_example(seen)}. {_kwargs_shown(seen)}",
        )
        return told_or_asked(_PLACE, guesses(lacks, str(seen.mimetype)), unnamed, question, rule)

    def _joins(self) -> Iterator[Statement]:
        """Frames of a point that have a dimension of their own, which is always one long."""
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
                    _PLACE,
                    (
                        f"Should the frames of {spec.spec} follow each other? {single[0].name} has "
                        f"the shape {shown} for each point; stacked, an array of 10 points is "
                        f"10 x {shown}, and concatenated 10{shown[1:]}.",
                    ),
                    (
                        Answer(
                            {
                                "name": self.names.unused(_PLACE, f"{spec.spec}-join"),
                                "match": {"spec": literal(spec.spec)},
                                "join": "concat",
                                "reason": "Each point has one frame.",
                            }
                        ),
                    ),
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
