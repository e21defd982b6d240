"""What a survey asks for: what is plainly needed, and questions where only people know."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tiledmap.authoring.choosing import Extended, shipped_rules
from tiledmap.authoring.draft import Answer, Draft, Place, Statement
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
from tiledmap.authoring.mending import is_named, mend
from tiledmap.authoring.overview import overview
from tiledmap.authoring.survey import FieldSeen, KeySeen, SpecSeen, Survey
from tiledmap.authoring.words import counted, lengths, listed
from tiledmap.language.render import flow
from tiledmap.runtime.documents import row_shape

_LIVE = re.compile(r"donotsave|do_not_save|live|plot|preview|dummy|scratch", re.IGNORECASE)
_CONTAINERS = ("sample_name", "proposal_id", "project", "experiment", "cycle", "plan_name")
LONGEST_REASON = 200
_OF_PLANS = frozenset(
    {
        *("versions", "plan_type", "plan_name", "plan_args", "detectors", "motors"),
        *("num_points", "num_intervals", "plan_pattern", "plan_pattern_module"),
        "plan_pattern_args",
    }
)
"""Fields that Bluesky's plans and its RunEngine make: nobody asks whether a run has them."""
_OF_EACH_PLAN = frozenset({"plan_args", "plan_pattern_args"})
"""Objects with other fields for each plan: what one plan has must not be asked of another."""
_HOLE = "${{"
_MIMETYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}(;[\w.+=-]{1,100})*")
_SAID_ANEW = frozenset({"name", "match", "over", "reason"})
"""What a rule of another mapping says of its own place there."""
_WORDS_THAT_MATCH_KNOWS = {"present", "absent", "ragged", "scalar", "fixed"}


def propose(survey: Survey, extended: Extended, name: str) -> Draft:
    """Propose a mapping for documents like those that were surveyed."""
    return Draft(
        header={
            "tiledmap": 1,
            "name": name,
            "version": "0.1.0",
            "title": f"{name}, as first proposed from recorded documents",
            "extends": extended.reference,
        },
        seen=tuple(overview(survey, extended.reference)),
        statements=tuple(_Proposer(survey, extended).statements()),
    )


@dataclass(slots=True)
class _Proposer:
    survey: Survey
    extended: Extended
    _taken: dict[Place, set[str]] = field(default_factory=dict)

    def statements(self) -> Iterator[Statement]:
        """All of them, in no particular order of sections."""
        yield from self._fields()
        yield from self._roots()
        for spec in self.survey.specs:
            yield from self._spec(spec)
        yield from self._joins()
        yield from self._mends()
        yield from self._doubts()
        yield from self._dims()
        yield from self._tags()
        yield from self._containers()
        yield from self._live_streams()
        yield from self._assets()

    def _name(self, place: Place, wanted: str) -> str:
        """A rule's name that no other rule of the section has, inherited ones included."""
        taken = self._taken.setdefault(place, self.extended.names(place))
        base = re.sub(r"[^A-Za-z0-9_-]+", "-", wanted).strip("-_") or "rule"
        base = (base if base[0].isalpha() else f"rule-{base}")[:56].lower()
        name, number = base, 1
        while name in taken:
            number += 1
            name = f"{base}-{number}"
        taken.add(name)
        return name

    # ------------------------------------------------------------ source

    def _fields(self) -> Iterator[Statement]:
        for document, fields in self.survey.fields.items():
            known = self.extended.declared[document]
            new = [each for each in fields if each.name not in known and _can_be_declared(each)]
            runs = "runs" if document == "start" else f"{document}s"
            for each in new:
                remark = f"in {each.seen} of {each.of} {runs}"
                if each.whole:
                    remark += "; whole numbers so far"
                loose = each.name in _OF_EACH_PLAN and each.schema.get("type") == "object"
                schema = {"type": "object"} if loose else dict(each.schema)
                yield _needed(
                    ("source", document, "properties"), Answer({each.name: schema}, remark=remark)
                )
        yield from self._required()

    def _required(self) -> Iterator[Statement]:
        """Fields that every run had, and that no plan has made."""
        always = [
            each.name
            for each in self.survey.fields["start"]
            if each.seen == each.of and each.name not in _OF_PLANS and _can_be_declared(each)
        ]
        if self.survey.runs and self.survey.data_sessions == self.survey.runs:
            always.append("data_session")
        declared = self.extended.declared["start"]
        if names := [name for name in always if name not in declared]:
            yield Statement(
                ("source", "start"),
                (
                    "Which of these must every run have? All that were seen have them. One that is "
                    "required needs no default(…), and a run without it is reported and stored as "
                    "bluesky-v3.",
                ),
                (Answer({"required": names}),),
            )

    # ------------------------------------------------------------ files

    def _roots(self) -> Iterator[Statement]:
        place = ("repair", "roots")
        away = [
            each
            for each in self.survey.directories
            if each.path.startswith("/")
            and each.path != "/"
            and _HOLE not in each.path
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
                            "name": self._name(place, f"mount-of-{each.path.strip('/')}"),
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
        name = self._name(place, seen.spec)
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
                    "match": {"spec": _literal(seen.spec)},
                    **{key: value for key, value in rule.items() if key not in _SAID_ANEW},
                    "reason": rule.get("reason", _reason(f"What {seen.spec} stands for.")),
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
            "match": {"spec": _literal(seen.spec)},
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
        rule["reason"] = _reason(f"What {seen.spec} stands for.")
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
        name = self._name(place, f"{seen.spec}-here")
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
                        "name": self._name(place, f"{seen.spec}-{lacks[0]}"),
                        "match": {"spec": _literal(seen.spec)},
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
                                "name": self._name(place, f"{spec.spec}-join"),
                                "match": {"spec": _literal(spec.spec)},
                                "join": "concat",
                                "reason": "Each point has one frame.",
                            }
                        ),
                    ),
                )

    # ------------------------------------------------------------ data keys

    def _mends(self) -> Iterator[Statement]:
        place = ("repair", "data_keys")
        groups: dict[str, list[KeySeen]] = defaultdict(list)
        found = {}
        for key in self.survey.keys:
            if (needed := mend(key.data_key, key.values)) is not None:
                groups[f"{needed.reason}{needed.fields}"].append(key)
                found[f"{needed.reason}{needed.fields}"] = needed
        for text, keys in groups.items():
            rule = {
                "name": self._name(place, _rule_name(keys)),
                "match": self._match(keys),
                **found[text].fields,
                "reason": _reason(found[text].reason),
            }
            yield _needed(place, Answer(rule))

    def _match(self, keys: list[KeySeen]) -> dict[str, Any]:
        """What fits these data keys, and not those of the same names in other streams."""
        names = list(dict.fromkeys(key.name for key in keys))
        streams = list(dict.fromkeys(key.stream for key in keys))
        here = {(key.stream, key.name) for key in keys}
        elsewhere = any(
            key.name in names and (key.stream, key.name) not in here for key in self.survey.keys
        )
        match: dict[str, Any] = {"name": _literals(names)}
        if elsewhere:
            match["stream"] = _literals(streams)
        return match

    def _doubts(self) -> Iterator[Statement]:
        """What is wrong with data keys so that only people know what is right."""
        place = ("repair", "data_keys")
        for key in self.survey.keys:
            if mend(key.data_key, key.values) is not None:
                continue
            text, fields = _doubt(key)
            if text:
                rule = {
                    "name": self._name(place, _rule_name([key])),
                    "match": self._match([key]),
                    **fields,
                    "reason": "Described otherwise.",
                }
                yield Statement(place, (text,), (Answer(rule),))

    def _dims(self) -> Iterator[Statement]:
        place = ("repair", "data_keys")
        by_rank: dict[int, list[KeySeen]] = defaultdict(list)
        for key in self.survey.keys:
            shape = row_shape(key.data_key)
            is_array = key.data_key.get("dtype") == "array"
            if is_array and 2 <= len(shape) <= 3 and all(shape) and not key.data_key.get("dims"):
                by_rank[len(shape)].append(key)
        for rank, keys in sorted(by_rank.items()):
            colored = rank == 3 and row_shape(keys[0].data_key)[-1] in (3, 4)
            names = ["y", "x", "color"] if colored else ["frame", "y", "x"][-rank:]
            yield Statement(
                place,
                (
                    f"What are the dimensions of {listed([key.name for key in keys])} called? "
                    f"{keys[0].name} is {lengths(row_shape(keys[0].data_key))}.",
                ),
                (
                    Answer(
                        {
                            "name": self._name(place, f"dims-of-{rank}-dimensions"),
                            "match": self._match(keys),
                            "dims": names,
                            "reason": "Devices do not name them.",
                        }
                    ),
                ),
            )

    # ------------------------------------------------------------ run, streams, assets

    def _tags(self) -> Iterator[Statement]:
        given = self.survey.field("tiled_access_tags")
        if given is not None and given.seen == given.of:
            return
        run = self.extended.mapping.run
        if run is not None and run.untagged is not None and run.untagged.value == "refuse":
            return
        tags = list(self._possible_tags())
        if tags:
            yield Statement(
                ("run",),
                (
                    "Who may read a run? Without tags Tiled's server decides. These make an access "
                    "tag of what names a proposal; the server must know the tags.",
                ),
                (Answer({"access_tags": {"prepend": tags}, "untagged": "refuse"}),),
            )

    def _possible_tags(self) -> Iterator[dict[str, str]]:
        if self.survey.data_sessions:
            yield {"tag": "${{ start.data_session }}", "when": "has(start.data_session)"}
        for name in ("proposal_id", "proposal"):
            seen = self.survey.field(name)
            if seen is None:
                continue
            inner = seen.schema.get("properties", {}).get("proposal_id", {})
            path = f"start.{name}.proposal_id" if inner else f"start.{name}"
            kind = (inner or seen.schema).get("type")
            if kind in ("string", "number"):
                yield {"tag": f"proposal:${{{{ {path} }}}}", "when": f"has({path})"}

    def _containers(self) -> Iterator[Statement]:
        seen = [self.survey.field(name) for name in _CONTAINERS]
        texts = [each for each in seen if each is not None and each.schema.get("type") == "string"]
        if texts and not (self.extended.mapping.run and self.extended.mapping.run.parent):
            yield Statement(
                ("run",),
                ("Should runs lie in containers, such as one for each of these?",),
                tuple(_container(each) for each in texts[:2]),
            )

    def _live_streams(self) -> Iterator[Statement]:
        place = ("streams",)
        for stream in self.survey.streams:
            if _LIVE.search(stream.name):
                yield Statement(
                    place,
                    (f"Is the stream {stream.name} only for live plots?",),
                    (
                        Answer(
                            {
                                "name": self._name(place, f"not-{stream.name}"),
                                "match": {"name": _literal(stream.name)},
                                "drop": "live plotting only, never read back",
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
                                "name": self._name(place, seen.mimetype.rpartition("/")[2]),
                                "match": {"mimetype": _literal(seen.mimetype)},
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
                "name": self._name(place, f"measured-{key.name}"),
                "match": {"mimetype": _literal(files.mimetype), "data_key": _literal(key.name)},
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


# ---------------------------------------------------------------- words and small parts


def _needed(place: Place, answer: Answer) -> Statement:
    return Statement(place, (), (answer,), chosen=0)


def _can_be_declared(seen: FieldSeen) -> bool:
    """Whether its name, and those within it, can be written where there are no holes."""
    return _HOLE not in flow({seen.name: dict(seen.schema)})


def _reason(text: str) -> str:
    """A reason that may quote what documents say: a literal, and no longer than one may be."""
    return text.replace(_HOLE, "$ {{")[:LONGEST_REASON]


def _container(seen: FieldSeen) -> Answer:
    value = f"default(start.{seen.name}, 'unnamed')"
    return Answer({"parent": [f"${{{{ slug({value}) }}}}"]}, label=f"by {seen.name}")


def _doubt(key: KeySeen) -> tuple[str, dict[str, Any]]:
    """What is asked of a data key, and the fields of a repair that would be the answer."""
    shape = row_shape(key.data_key)
    if not is_named(key.data_key):
        name = key.data_key.get("dtype_numpy")
        text = f"Of which dtype is {key.name}? numpy does not know {name!r}."
        return text, {"dtype": "float64"}
    if key.external and any(length == 0 for length in shape):
        text = (
            f"What is the shape of {key.name}? Descriptors say {lengths(shape)}: perhaps the "
            "detector had not run yet. Put its lengths in the place of every 1."
        )
        return text, {"shape": {"lengths": [length or 1 for length in shape]}}
    if key.external:
        return "", {}
    if key.values.uneven and None not in shape:
        text = f"Are the values of {key.name} ragged? Some hold lists that differ in length."
        return text, {"shape": {"lengths": [None] * max(len(shape), 1)}}
    if len(key.values.ranks) > 1:
        text = (
            f"What is {key.name}? Its values have {listed(sorted(map(str, key.values.ranks)))} "
            "dimensions."
        )
        return text, {"shape": {"lengths": [None]}, "set": {"dtype": "array"}}
    if "string" in key.values.kinds and len(key.values.kinds) > 1:
        text = f"What is {key.name}? Some of its values are texts, others are not."
        return text, {"dtype": "<U", "set": {"dtype": "string"}}
    return "", {}


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


def _literal(text: str) -> str:
    """A pattern that is like this text alone."""
    escaped = re.sub(r"([*?\[])", r"[\1]", text).replace(_HOLE, f"[$]{_HOLE[1:]}")
    if escaped in _WORDS_THAT_MATCH_KNOWS:
        return f"[{escaped[0]}]{escaped[1:]}"
    return escaped


def _literals(texts: list[str]) -> Any:
    return _literal(texts[0]) if len(texts) == 1 else [_literal(text) for text in texts]


def _rule_name(keys: list[KeySeen]) -> str:
    return keys[0].name if len(keys) == 1 else f"{keys[0].name}-and-{len(keys) - 1}-more"
