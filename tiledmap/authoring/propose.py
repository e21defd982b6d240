"""What a survey asks for: what is plainly needed, and questions where only people know."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tiledmap.authoring.choosing import Extended
from tiledmap.authoring.draft import Answer, Draft, Place, Statement
from tiledmap.authoring.files import FileQuestions
from tiledmap.authoring.literals import HOLE, Names, literal, literals, reason
from tiledmap.authoring.mending import Mend, is_named, mend_all
from tiledmap.authoring.overview import overview
from tiledmap.authoring.seen import FieldSeen, FormSeen, KeySeen, Survey
from tiledmap.authoring.specs import SpecQuestions
from tiledmap.authoring.words import lengths, listed
from tiledmap.language.render import flow
from tiledmap.runtime.documents import row_shape

_LIVE = re.compile(r"donotsave|do_not_save|live|plot|preview|dummy|scratch", re.IGNORECASE)
_CONTAINERS = ("sample_name", "proposal_id", "project", "experiment", "cycle", "plan_name")
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
        statements=tuple(_Proposer(survey, extended, Names(extended)).statements()),
    )


@dataclass(frozen=True, slots=True)
class _Proposer:
    survey: Survey
    extended: Extended
    names: Names

    def statements(self) -> Iterator[Statement]:
        """All of them, in no particular order of sections."""
        yield from self._fields()
        yield from FileQuestions(self.survey, self.extended, self.names).statements()
        yield from SpecQuestions(self.survey, self.extended, self.names).statements()
        yield from self._mends()
        yield from self._doubts()
        yield from self._dims()
        yield from self._tags()
        yield from self._containers()
        yield from self._live_streams()

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

    # ------------------------------------------------------------ data keys

    def _mends(self) -> Iterator[Statement]:
        place = ("repair", "data_keys")
        groups: dict[str, list[KeySeen]] = defaultdict(list)
        found = {}
        for key in self.survey.keys:
            needed, for_all = _mend(key)
            if needed is not None and for_all:
                groups[f"{needed.reason}{needed.fields}"].append(key)
                found[f"{needed.reason}{needed.fields}"] = needed
        for text, keys in groups.items():
            rule = {
                "name": self.names.unused(place, _rule_name(keys)),
                "match": self._match(keys),
                **found[text].fields,
                "reason": reason(found[text].reason),
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
        match: dict[str, Any] = {"name": literals(names)}
        if elsewhere:
            match["stream"] = literals(streams)
        return match

    def _doubts(self) -> Iterator[Statement]:
        """What is wrong with data keys so that only people know what is right."""
        place = ("repair", "data_keys")
        for key in self.survey.keys:
            text, fields = _doubt(key)
            if text:
                rule = {
                    "name": self.names.unused(place, _rule_name([key])),
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
                            "name": self.names.unused(place, f"dims-of-{rank}-dimensions"),
                            "match": self._match(keys),
                            "dims": names,
                            "reason": "Devices do not name them.",
                        }
                    ),
                ),
            )

    # ------------------------------------------------------------ run, streams

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
                                "name": self.names.unused(place, f"not-{stream.name}"),
                                "match": {"name": literal(stream.name)},
                                "drop": "live plotting only, never read back",
                            }
                        ),
                    ),
                )


# ---------------------------------------------------------------- words and small parts


def _needed(place: Place, answer: Answer) -> Statement:
    return Statement(place, (), (answer,), chosen=0)


def _mend(key: KeySeen) -> tuple[Mend | None, bool]:
    return mend_all(key.forms, key.dataset.dtype if key.dataset else None)


def _can_be_declared(seen: FieldSeen) -> bool:
    """Whether its name, and those within it, can be written where there are no holes."""
    return HOLE not in flow({seen.name: dict(seen.schema)})


def _container(seen: FieldSeen) -> Answer:
    value = f"default(start.{seen.name}, 'unnamed')"
    return Answer({"parent": [f"${{{{ slug({value}) }}}}"]}, label=f"by {seen.name}")


def _doubt(key: KeySeen) -> tuple[str, dict[str, Any]]:
    """What is asked of a data key, and the fields of a repair that would be the answer."""
    needed, for_all = _mend(key)
    if needed is None:
        doubts = (_doubt_of_form(key.name, form) for form in key.forms)
        return next((doubt for doubt in doubts if doubt[0]), ("", {}))
    if for_all:
        return "", {}
    text = (
        f"What is {key.name}? {needed.reason} It is described in {len(key.forms)} ways, and a rule "
        "holds for all of them."
    )
    return text, dict(needed.fields)


def _doubt_of_form(key: str, form: FormSeen) -> tuple[str, dict[str, Any]]:
    shape, values = row_shape(form.data_key), form.values
    if not is_named(form.data_key):
        name = form.data_key.get("dtype_numpy")
        text = f"Of which dtype is {key}? numpy does not know {name!r}."
        return text, {"dtype": "float64"}
    if "external" in form.data_key:
        if 0 not in shape:
            return "", {}
        text = (
            f"What is the shape of {key}? Descriptors say {lengths(shape)}: perhaps the detector "
            "had not run yet. Put its lengths in the place of every 1."
        )
        return text, {"shape": {"lengths": [length or 1 for length in shape]}}
    if values.uneven and None not in shape:
        text = f"Are the values of {key} ragged? Some hold lists that differ in length."
        return text, {"shape": {"lengths": [None] * max(len(shape), 1)}}
    if len(values.ranks) > 1:
        ranks = " or ".join(map(str, sorted(values.ranks)))
        text = f"What is {key}? Its values have {ranks} dimensions."
        return text, {"shape": {"lengths": [None]}, "set": {"dtype": "array"}}
    if "string" in values.kinds and len(values.kinds) > 1:
        text = f"What is {key}? Some of its values are texts, others are not."
        return text, {"dtype": "<U", "set": {"dtype": "string"}}
    return "", {}


def _rule_name(keys: list[KeySeen]) -> str:
    return keys[0].name if len(keys) == 1 else f"{keys[0].name}-and-{len(keys) - 1}-more"
