"""Total: everything that comes in goes somewhere, or stays behind for a written reason."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from tiledmap.check.coverage import OTHER, SYNTHESISED_BY, Coverage, coverage
from tiledmap.check.layout import (
    before,
    certain,
    is_path,
    is_unread,
    items,
    missed,
    says,
    stored_data,
    stored_streams,
    table_of,
)
from tiledmap.check.matching import ASSETS, DATA_KEYS, EVERYTHING, FILES, STREAMS
from tiledmap.check.places import at_home
from tiledmap.check.subject import Subject
from tiledmap.language import nodes
from tiledmap.problems import Note, Problem, Span
from tiledmap.problems.nearest import did_you_mean


def check_total(subject: Subject) -> Iterator[Problem]:
    """Yield what a mapping forgets."""
    return at_home(_problems(subject), subject.mapping)


def _problems(subject: Subject) -> Iterator[Problem]:
    yield from _streams(subject.mapping)
    for stream in stored_streams(subject.mapping):
        yield from _data(stream)
        yield from _columns(stream)
        yield from _external(stream)
    yield from _assets(subject.mapping)
    if subject.mapping.repair:
        yield from _resources(subject.mapping.repair, subject.mapping.assets)
    yield from _fields(subject)


def _streams(mapping: nodes.Mapping) -> Iterator[Problem]:
    left = STREAMS.uncovered(EVERYTHING, certain(STREAMS, mapping.streams))
    if left is None or "streams" not in mapping.given or any(map(is_unread, mapping.streams)):
        return
    last = mapping.streams[-1] if mapping.streams else None
    yield Problem(
        "TM300",
        last.at("name") if last else mapping.at(),
        f"{left} may match no rule of streams",
        label="the last rule does not take everything that is left" if last else "no streams",
        hint="end with a rule that has neither match nor when; it may 'drop: why' what it takes",
    )


def _data(stream: nodes.StreamRule) -> Iterator[Problem]:
    left = DATA_KEYS.uncovered(EVERYTHING, certain(DATA_KEYS, stream.data))
    if left is None or "data" not in stream.given or any(map(is_unread, stream.data)):
        return
    last = stream.data[-1] if stream.data else None
    table = stream.tables[0].name if stream.tables else "internal"
    yield Problem(
        "TM301",
        last.at("name") if last else stream.at("name"),
        f"{left} may match no data rule of '{stream.name}'",
        label="the rules do not take every data key" if last else "no data rules",
        hint="end with a rule that has neither match nor when, such as\n"
        f"  - name: scalars\n    store: table\n    table: {table}",
    )


def _columns(stream: nodes.StreamRule) -> Iterator[Problem]:
    for rule in stored_data(stream):
        table = table_of(stream, rule)
        if rule.store is not nodes.Store.TABLE or table is None:
            continue
        values = [column for column in items(table.columns) if is_path(column.from_, "value")]
        left = missed(stream, rule, values)
        if left is not None:
            yield Problem(
                "TM303",
                table.key_at("columns"),
                f"table '{table.name}' has no column for the values of {left}",
                label="no column 'from: value' takes them",
                hint="add: {column: '${{ data_key.name }}', keys: {stored: table}, from: value}",
                notes=(Note(f"data rule '{rule.name}' stores them in this table", rule.at()),),
            )


def _external(stream: nodes.StreamRule) -> Iterator[Problem]:
    """Find rules that would store the name of a datum in place of what a file holds."""
    external = {"external": ("present",)}
    for rule in stored_data(stream):
        if rule.store is nodes.Store.FILES or rule.store is None:
            continue
        region = {"external": ("present",), **DATA_KEYS.region(rule.match)}
        if is_unread(rule) or not DATA_KEYS.overlap(region, external):
            continue
        left = DATA_KEYS.uncovered(region, certain(DATA_KEYS, before(stream.data, rule)))
        if left is not None:
            yield Problem(
                "TM305",
                rule.at("name"),
                f"{left} is in files, and '{rule.name}' would store the names of its datums",
                label=f"stores external data keys as {rule.store.value}",
                hint="leave them to a rule for files:  match: {external: absent, …},"
                "  or put that rule before this one",
            )
            return


def _assets(mapping: nodes.Mapping) -> Iterator[Problem]:
    files = next(
        (
            rule
            for stream in stored_streams(mapping)
            for rule in stored_data(stream)
            if rule.store is nodes.Store.FILES
        ),
        None,
    )
    left = ASSETS.uncovered(EVERYTHING, certain(ASSETS, mapping.assets))
    if files is None or left is None or any(map(is_unread, mapping.assets)):
        return
    last = mapping.assets[-1] if mapping.assets else files
    yield Problem(
        "TM304",
        last.at("name"),
        f"{left} may match no rule of assets",
        label="the last rule does not take everything that is left"
        if mapping.assets
        else "stores files, and there are no assets",
        hint="end with {name: no-reader, refuse: 'no consolidator reads"
        " ${{ stream_resource.mimetype }}'}",
        notes=(Note(f"data rule '{files.name}' stores files", files.at()),)
        if mapping.assets
        else (),
    )


def _resources(repair: nodes.Repairs, assets: Sequence[nodes.AssetRule]) -> Iterator[Problem]:
    """Follow resources to the rule of assets that reads them."""
    giving = [rule for rule in repair.resources if says(rule, "mimetype")]
    for rule in repair.resources:
        if is_unread(rule):
            continue
        if rule.mimetype is not None and "/" in rule.mimetype:
            yield from _reader(rule, rule.mimetype, assets)
        elif rule.match is not None and _is_of_unknown_format(rule, giving):
            yield Problem(
                "TM011",
                rule.match.at("spec"),
                f"resources that '{rule.name}' takes may get no mimetype",
                label=_nearest_spec(rule, giving) or "a spec says nothing of the files' format",
                hint="say what the spec stands for:  mimetype: application/x-hdf5",
            )


def _nearest_spec(rule: nodes.ResourceRepair, giving: Sequence[nodes.ResourceRepair]) -> str:
    """Ask for the nearest spec of which the format is known; empty where nothing is near."""
    known = [spec for other in giving for spec in _specs(other)]
    near = (did_you_mean(spec, known) for spec in _specs(rule) if spec not in known)
    return next(filter(None, near), "")


def _specs(rule: nodes.ResourceRepair) -> tuple[str, ...]:
    patterns = rule.match.spec if rule.match is not None else None
    return patterns.texts if patterns is not None else ()


def _is_of_unknown_format(
    rule: nodes.ResourceRepair, giving: Sequence[nodes.ResourceRepair]
) -> bool:
    """Whether a repair takes resources by their spec and none says which mimetype that means."""
    if rule.match is None or rule.match.spec is None or rule in giving:
        return False
    return not FILES.covered(FILES.region(rule.match), certain(FILES, giving))


def _reader(
    rule: nodes.ResourceRepair, mimetype: str, assets: Sequence[nodes.AssetRule]
) -> Iterator[Problem]:
    """Find a mimetype that the rules of assets refuse, whatever the file."""
    region = {"mimetype": (mimetype,)}
    takers = [asset for asset in assets if ASSETS.overlap(region, ASSETS.region(asset.match))]
    if takers and all(asset.refuse is not None for asset in takers):
        yield Problem(
            "TM304",
            rule.at("mimetype"),
            f"no rule of assets reads {mimetype}",
            label=f"refused by '{takers[0].name}'",
            hint="add a rule that says how:  match: {mimetype: …}, consolidator: …",
            notes=(Note(f"'{takers[0].name}' refuses it", takers[0].at("name")),),
        )


_SAME_AS_OTHERS = frozenset({"event_page", "datum_page"})
"""Documents that hold several of another: what they lose has been said."""


def _fields(subject: Subject) -> Iterator[Problem]:
    whole = {"", *(stream.name for stream in stored_streams(subject.mapping))}
    rows = [
        row
        for row in coverage(subject)
        if row.document not in _SAME_AS_OTHERS and row.rule in whole
    ]
    for (document, rule), group in groupby(rows, key=lambda row: (row.document, row.rule)):
        fields = list(group)
        # What becomes of data is a question of rules: TM301.
        lost = [row for row in fields if not row.accounted and row.field != "data"]
        if lost:
            at = lost[0].at or subject.mapping.at()
            yield _lost(document, rule, at, lost, everything=len(lost) == len(fields))
        yield from (_unmarked(subject.mapping, row) for row in fields if _loses_the_mark(row))


def _loses_the_mark(row: Coverage) -> bool:
    return row.field == SYNTHESISED_BY and bool(row.reason)


def _unmarked(mapping: nodes.Mapping, row: Coverage) -> Problem:
    assert mapping.run is not None
    return Problem(
        "TM306",
        row.at or mapping.run.at("unfinished"),
        f"a stop document that is made up loses its field '{SYNTHESISED_BY}'",
        label="it is left out here",
        hint="keep it: nothing else tells such a document from a RunEngine's",
        notes=(Note("runs are closed with one here", mapping.run.at("unfinished")),),
    )


_ARTICLE = {"event": "an event"}
_REMEDY = {
    "event": "give it a column, or say why not:  events: {{without: {{{field}: why}}}}",
    "descriptor": "copy it:  metadata: {{copy: descriptor}},  or say in 'without' why not",
    "start": "copy it:  metadata: {{start: {{copy: start}}}},  or say in 'without' why not",
    "stop": "copy it:  metadata: {{stop: {{copy: stop}}}},  or say in 'without' why not",
}


def _lost(document: str, rule: str, at: Span, lost: list[Coverage], *, everything: bool) -> Problem:
    fields = ["all others" if row.field == OTHER else f"'{row.field}'" for row in lost]
    of_rule = f" in stream rule '{rule}'" if rule else ""
    owner = _ARTICLE.get(document, f"a {document}")
    if everything:
        message = f"nothing of {owner} document goes anywhere{of_rule}"
    elif len(fields) == 1:
        message = f"{owner}'s field {fields[0]} goes nowhere{of_rule}"
    else:
        message = f"{owner}'s fields {', '.join(fields)} go nowhere{of_rule}"
    return Problem(
        "TM302",
        at,
        message,
        label="neither stored nor left out for a reason",
        hint=_REMEDY.get(document, "").format(field=lost[0].field),
    )
