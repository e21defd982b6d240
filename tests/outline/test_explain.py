import pytest

import tiledmap
from tiledmap.api import LoadedMapping
from tiledmap.outline.explain import (
    FieldExplained,
    PlaceExplained,
    UnexplainedError,
    explain,
)


@pytest.fixture(scope="module")
def smi() -> LoadedMapping:
    return tiledmap.load("smi")


def field(mapping: LoadedMapping, what: str) -> FieldExplained:
    explained = explain(mapping.resolved, mapping.outline, what)
    assert isinstance(explained, FieldExplained)
    return explained


def place(mapping: LoadedMapping, what: str) -> PlaceExplained:
    explained = explain(mapping.resolved, mapping.outline, what)
    assert isinstance(explained, PlaceExplained)
    return explained


def ways(explained: FieldExplained) -> set[tuple[str, str]]:
    return {(way.node.id, way.words) for way in explained.ways}


def test_a_field_of_every_data_key_is_followed_into_what_holds_it(smi: LoadedMapping) -> None:
    explained = field(smi, "descriptor.data_keys.*.units")
    assert {
        ("streams.every-stream", "metadata data_keys.*.units"),
        ("streams.every-stream.data.arrays", "metadata units"),
        ("streams.every-stream.tables.internal", "metadata *.units"),
    } <= ways(explained)
    assert "Engineering units" in explained.description


def test_a_field_of_one_data_key_goes_where_that_of_all_goes(smi: LoadedMapping) -> None:
    one, every = (field(smi, f"descriptor.data_keys.{key}.units") for key in ("det", "*"))
    assert {way.node.id for way in one.ways} == {way.node.id for way in every.ways}
    assert field(smi, "data_key.units").ways == every.ways


def test_a_page_of_events_is_as_an_event(smi: LoadedMapping) -> None:
    assert ways(field(smi, "event_page.seq_num")) == ways(field(smi, "event.seq_num"))
    assert ways(field(smi, "run_start.uid")) == ways(field(smi, "start.uid"))


def test_a_field_that_is_left_out_has_its_reason(smi: LoadedMapping) -> None:
    explained = field(smi, "start.tiled_specs")
    assert ("run", "spec ${{ extra }}") in ways(explained)
    assert not any(way.link.whole and "metadata" in way.words for way in explained.ways)
    assert [row.reason for row in explained.rows if not row.destination] == [
        "stored as specs of the run"
    ]


def test_a_field_that_nobody_declares_goes_where_such_fields_go(smi: LoadedMapping) -> None:
    explained = field(smi, "start.sampel")
    assert ways(explained) == {("run", "metadata start.sampel")}
    assert (explained.declared_in, explained.near) == ("", "did you mean 'sample'?")
    deep = field(smi, 'start["my plan"].motors[0]')
    assert ways(deep) == {("run", "metadata start.my plan.motors.0")}
    assert field(smi, "descriptor.data_keys.det.unts").near == "did you mean 'units'?"


def test_repairs_that_touch_a_field_are_named(smi: LoadedMapping) -> None:
    assert [repair.rule for repair in field(smi, "stream_resource.uri").changed_by] == [
        "repair.roots.old-mount",
        "repair.roots.current-mount",
    ]
    read = [repair.rule for repair in field(smi, "descriptor.data_keys.*.name").read_by]
    assert read == ["repair.data_keys.pilatus-is-int32"]


def test_a_whole_document_has_all_its_fields(smi: LoadedMapping) -> None:
    rows = {row.field for row in field(smi, "stop").rows}
    assert {"uid", "exit_status", "reason", "*"} <= rows


@pytest.mark.parametrize(
    ("what", "message", "hint"),
    [
        ("strat.uid", "there is no document type 'strat'", "did you mean 'start'?"),
        ("units", "there is no document type 'units'", "descriptor.data_keys.*.units"),
        ("resource.spce", "resource has no field 'spce'", "did you mean 'spec'?"),
        ("event.seq_num.x", "event.seq_num has no field 'x'", "it is integer"),
        ("start..uid", "'start..uid' is no path of fields", "start.sample"),
        ("/primary/internal/a/b", "no rule makes a node at /primary/internal/a/b", "nothing"),
        ("/primary/inernal/x", "no rule makes a node at /primary/inernal/x", "'internal'"),
    ],
)
def test_what_is_not_there_is_said_with_what_is_near(
    smi: LoadedMapping, what: str, message: str, hint: str
) -> None:
    with pytest.raises(UnexplainedError) as error:
        explain(smi.resolved, smi.outline, what)
    assert error.value.message == message
    assert hint in error.value.hint


def test_the_last_step_of_a_path_may_be_a_column(smi: LoadedMapping) -> None:
    (found,) = place(smi, "/primary/internal/ts_det").found
    assert found.column is not None
    assert (found.node.id, found.column.name) == (
        "streams.every-stream.tables.internal",
        "ts_${{ data_key.name }}",
    )
    assert "event.timestamps.*" in {str(link.field) for link in found.links}


def test_a_path_may_begin_at_the_top_of_the_catalog(smi: LoadedMapping) -> None:
    uid = "5f9c1f2e-7a3b-4c83-a1e1-0d2f6d0c9a11"
    assert place(smi, f"/{uid}/primary/internal").found == place(smi, "/primary/internal").found
    assert place(smi, f"/{uid}").found == place(smi, "/").found


def test_documents_decide_between_rules(smi: LoadedMapping) -> None:
    explained = place(smi, "/primary/pil1M_image")
    families = {found.node.family.value for found in explained.found}
    assert families == {"files", "ragged", "array"}
    assert place(smi, "/primary/inernal").near == "did you mean 'internal'?"
    assert place(smi, "/*/internal").found == place(smi, "/primary/internal").found


def test_a_stream_that_is_dropped_is_said_to_be(tmp_path) -> None:
    file = tmp_path / "plots.yaml"
    file.write_text(
        "tiledmap: 1\nname: plots\nversion: 1.0.0\nextends: bluesky-v3\n"
        "streams:\n  - {name: live, match: {name: 'live_*'}, drop: only for plots}\n"
    )
    dropped = place(tiledmap.load(file), "/live_det").dropped
    assert [(each.rule, each.reason) for each in dropped] == [("streams.live", "only for plots")]
