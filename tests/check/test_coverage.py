import pytest

from tests.check.subjects import beamline, shipped, subject_of
from tiledmap.check.coverage import OTHER, SYNTHESISED_BY, Coverage, coverage
from tiledmap.documents.schemas import SCHEMA_FILES


def table(rows: list[Coverage]) -> dict[tuple[str, str], Coverage]:
    return {(row.document, row.field): row for row in rows}


@pytest.fixture(scope="module")
def default() -> dict[tuple[str, str], Coverage]:
    return table(coverage(subject_of(shipped("bluesky-v3"))))


def test_every_document_type_is_there(default: dict[tuple[str, str], Coverage]) -> None:
    assert {document for document, _ in default} == set(SCHEMA_FILES)


def test_every_field_goes_somewhere_or_says_why_not(
    default: dict[tuple[str, str], Coverage],
) -> None:
    assert [field for field, row in default.items() if not row.accounted] == []


def test_a_copied_field_is_in_the_metadata(default: dict[tuple[str, str], Coverage]) -> None:
    row = default["start", "uid"]
    assert (row.destination, row.reason) == ("run metadata start.uid", "")
    assert row.required
    assert row.invertible


def test_fields_that_a_site_declares_are_listed(default: dict[tuple[str, str], Coverage]) -> None:
    row = default["start", "tiled_specs"]
    assert (row.destination, row.reason) == ("", "stored as specs of the run")
    assert row.invertible, "the specs of the run are made of nothing else"


def test_a_column_takes_a_field_of_the_event(default: dict[tuple[str, str], Coverage]) -> None:
    row = default["event", "seq_num"]
    assert row.destination == "column seq_num"
    assert row.rule == "every-stream"
    assert row.at is not None
    assert row.at.line > 1


def test_what_is_made_anew_cannot_be_had_back(default: dict[tuple[str, str], Coverage]) -> None:
    assert not default["event", "uid"].invertible
    assert default["event", "descriptor"].invertible


def test_pages_fare_as_events_do(default: dict[tuple[str, str], Coverage]) -> None:
    for (document, field), row in default.items():
        if document == "event":
            page = default["event_page", field]
            assert (page.destination, page.reason) == (row.destination, row.reason)


def test_a_dropped_stream_gives_its_reason() -> None:
    subject = beamline(
        """
        streams:
          - {name: live-plots, match: {name: "DONOTSAVE_*"}, drop: live plotting only}
        """
    )
    dropped = [row for row in coverage(subject) if row.rule == "live-plots"]
    assert {(row.document, row.field, row.reason) for row in dropped} == {
        (document, OTHER, "live plotting only")
        for document in ("descriptor", "event", "event_page")
    }


def test_a_repair_takes_fields_out_for_a_reason() -> None:
    subject = beamline(
        """
        repair:
          start:
            - name: no-owner
              without: {owner: names of people stay in the proposal system}
        """
    )
    row = table(coverage(subject))["start", "owner"]
    assert (row.destination, row.invertible) == ("", False)
    assert row.reason == "names of people stay in the proposal system"


def test_a_stop_document_that_is_made_up_has_a_field_of_its_own() -> None:
    row = table(coverage(beamline("run: {unfinished: close}")))["stop", SYNTHESISED_BY]
    assert row.destination == "run metadata stop.synthesised_by"
    left = table(coverage(beamline("run: {unfinished: leave}")))
    assert ("stop", SYNTHESISED_BY) not in left


def test_a_coordinate_is_a_destination_of_configuration() -> None:
    text = """
    streams:
      - name: every-stream
        coordinates:
          - name: energies
            key: energy
            from: default(descriptor.configuration.det.data.bins, [])
    """
    row = table(coverage(beamline(text)))["descriptor", "configuration"]
    assert row.destination == "stream metadata configuration, array energy"
