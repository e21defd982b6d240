from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.runtime.conftest import frozen
from tests.runtime.layouts import start
from tiledmap.runtime.errors import InvalidDocumentError
from tiledmap.runtime.layout import DatumRepair, Repairs, ResourceRepair, RootRepair
from tiledmap.runtime.upgrade import (
    Counter,
    Resource,
    datums_of_bulk,
    datums_of_page,
    file_uri,
    indices_of,
    join_path,
    read_datum,
    rooted,
    upgrade_resource,
)

START = start()


def ignore(section: str, name: str) -> None:
    """Nobody asks which repairs were applied."""


# Paths


@pytest.mark.parametrize(
    ("root", "path", "joined"),
    [
        ("/data", "a/b.h5", "/data/a/b.h5"),
        ("/data/", "a/b.h5", "/data/a/b.h5"),
        ("/data/", "/a/b.h5", "/data/a/b.h5"),
        ("/data", "/a/b.h5", "/data/a/b.h5"),
        ("/", "/nsls2/a.h5", "/nsls2/a.h5"),
        ("/", "nsls2/a.h5", "/nsls2/a.h5"),
        ("", "/nsls2/a.h5", "/nsls2/a.h5"),
        ("/nsls2/data", "/nsls2/data/a.h5", "/nsls2/data/a.h5"),
        ("/nsls2/data", "/nsls2/database/a.h5", "/nsls2/data/nsls2/database/a.h5"),
        ("/data", "a//b///c.h5", "/data/a/b/c.h5"),
        ("/data", "frames/", "/data/frames/"),
        ("/data", "", "/data"),
        ("/data/", "", "/data"),
        ("/", "", "/"),
        ("/data", "/", "/data"),
        ("s3://bucket", "a//b.h5", "s3://bucket/a/b.h5"),
        ("/data", "s3://bucket/b.h5", "s3://bucket/b.h5"),
    ],
)
def test_a_root_and_a_path_are_joined_with_one_slash(root: str, path: str, joined: str) -> None:
    assert join_path(root, path) == joined


@pytest.mark.parametrize(
    ("root", "path", "uri"),
    [
        (r"C:\data", r"run\a.h5", "file://localhost/C:/data/run/a.h5"),
        ("C:\\data\\", r"\run\a.h5", "file://localhost/C:/data/run/a.h5"),
        (r"C:\data", r"C:\data\a.h5", "file://localhost/C:/data/a.h5"),
        ("", r"D:\a.h5", "file://localhost/D:/a.h5"),
    ],
)
def test_paths_of_windows_become_uris(root: str, path: str, uri: str) -> None:
    assert file_uri(join_path(root, path, "windows")) == uri


STEPS = st.lists(st.text("ab .", min_size=1, max_size=3), min_size=1, max_size=4)


@given(STEPS, STEPS, st.booleans(), st.booleans(), st.booleans())
def test_no_slash_is_doubled_or_lost(
    above: list[str], inside: list[str], ends: bool, begins: bool, directory: bool
) -> None:
    root = "/" + "/".join(above) + "/" * ends
    path = "/" * begins + "/".join(inside) + "/" * directory

    joined = join_path(root, path)

    if begins and inside[: len(above)] == above:
        above = []  # it begins with its root already
    assert joined.rstrip("/").split("/") == ["", *above, *inside]
    assert joined.endswith("/") is directory


@pytest.mark.parametrize("path", ["a.h5", "", "./a.h5", "/a?.h5", "/a#1.h5"])
def test_a_path_that_nobody_could_follow_has_no_uri(path: str) -> None:
    with pytest.raises(ValueError, match=r"no absolute path|Tiled cannot read"):
        file_uri(path)


def roots(*pairs: tuple[str, str], **fields: Any) -> Repairs:
    rules = (
        RootRepair(f"root-{number}", prefix, lambda start, new=becomes: new, at=f"m.yaml:{number}")
        for number, (prefix, becomes) in enumerate(pairs)
    )
    return Repairs(roots=tuple(rules), **fields)


@pytest.mark.parametrize(
    ("path", "repaired"),
    [
        ("/nsls2/data1/smi/a.h5", "/nsls2/data/smi/a.h5"),
        ("/nsls2/data1/smi", "/nsls2/data/smi"),
        ("/nsls2/data1/smi2/a.h5", "/nsls2/data1/smi2/a.h5"),
        ("/x/nsls2/data1/smi/a.h5", "/x/nsls2/data1/smi/a.h5"),
    ],
)
def test_a_root_is_repaired_by_whole_steps(path: str, repaired: str) -> None:
    for prefix in ("/nsls2/data1/smi", "/nsls2/data1/smi/"):
        for becomes in ("/nsls2/data/smi", "/nsls2/data/smi/"):
            assert rooted(roots((prefix, becomes)), START, path) == repaired


def test_roots_are_repaired_one_after_the_other() -> None:
    repairs = roots(("/a", "/b"), ("/b", "/c"), ("/a", "/never"))
    applied: list[tuple[str, str]] = []

    path = rooted(repairs, START, "/a/x", lambda *rule: applied.append(rule))

    assert path == "/c/x"
    assert applied == [("roots", "root-0"), ("roots", "root-1")]


def test_a_path_that_no_rule_fits_is_an_error_where_the_mapping_says_so() -> None:
    repairs = roots(("/a", "/b"), unmapped="error")

    assert rooted(repairs, START, "/a/x") == "/b/x"
    with pytest.raises(InvalidDocumentError, match=r"no rule of repair.roots fits .*'/c/x'"):
        rooted(repairs, START, "/c/x")


# Resources


def resource(**fields: Any) -> dict[str, Any]:
    return frozen(
        {
            "uid": "RES",
            "spec": "AD_TIFF",
            "root": "/data",
            "resource_path": "frames",
            "resource_kwargs": {"template": "%s%s_%6.6d.tiff", "frame_per_point": 3},
            "run_start": "run-1",
            **fields,
        }
    )


def stream_resource(**fields: Any) -> dict[str, Any]:
    return frozen(
        {
            "uid": "SRES",
            "data_key": "img",
            "mimetype": "application/x-hdf5",
            "uri": "file://localhost/data/a.h5",
            "parameters": {"dataset": "/entry/data"},
            **fields,
        }
    )


def says(name: str = "rule", spec: str = "AD_TIFF", **fields: Any) -> ResourceRepair:
    parameters = fields.pop("parameters", {})
    return ResourceRepair(
        name,
        matches=lambda start, seen: seen["spec"].upper() == spec,
        parameters=lambda start, seen: parameters,
        at="m.yaml:7",
        **fields,
    )


def upgraded(document: dict[str, Any], *rules: ResourceRepair, **repairs: Any) -> Resource:
    return upgrade_resource(document, START, Repairs(resources=rules, **repairs), ignore)


TIFF = "multipart/related;type=image/tiff"


def test_a_resource_gets_what_its_spec_stands_for() -> None:
    result = upgraded(resource(), says(mimetype=TIFF, join="concat", chunks=(1, 5, 5)))

    assert result.mimetype == TIFF
    assert result.uri == "file://localhost/data/frames"
    assert result.data_key is None
    assert result.parameters == {
        "template": "%s%s_%6.6d.tiff",
        "multiplier": 3,
        "spec": "AD_TIFF",
    }
    assert result.said == {"join_method": "concat", "chunk_shape": (1, 5, 5)}


def test_every_rule_that_matches_applies_and_later_ones_come_over() -> None:
    result = upgraded(
        resource(),
        says("first", mimetype="image/png", parameters={"a": 1, "b": 1}),
        says("other", spec="OTHER", mimetype="text/csv"),
        says("second", mimetype=TIFF, parameters={"b": 2}),
    )

    assert result.mimetype == TIFF
    assert result.said == {"a": 1, "b": 2}


def test_a_spec_that_no_rule_knows_is_an_error() -> None:
    with pytest.raises(InvalidDocumentError, match="no rule says what the spec 'AD_TIFF'"):
        upgraded(resource(), says(spec="OTHER", mimetype=TIFF))


def test_kwargs_are_checked_before_they_are_used() -> None:
    rule = says(
        mimetype=TIFF,
        kwargs={"properties": {"filename": {"type": "string"}}, "required": ["filename"]},
    )

    with pytest.raises(InvalidDocumentError, match=r"resource_kwargs: .*'filename'") as raised:
        upgraded(resource(), rule)
    assert raised.value.at == "m.yaml:7"


def test_the_path_inside_of_a_file_has_one_name() -> None:
    rule = says(mimetype="application/x-hdf5")

    result = upgraded(resource(resource_kwargs={"path": "/a", "dataset": "/b"}), rule)

    assert result.parameters == {"dataset": "/a", "spec": "AD_TIFF"}


@pytest.mark.parametrize(
    ("path", "uri", "template"),
    [
        ("frames/cam_%6.6d.jpeg", "file://localhost/data/frames/cam_", "%6.6d.jpeg"),
        ("frames/%d", "file://localhost/data/frames/", "%d"),
        ("50%dose.h5", "file://localhost/data/50%dose.h5", None),
        ("%03d/image.tif", "file://localhost/data/%03d/image.tif", None),
    ],
)
def test_a_path_may_have_a_place_for_the_files_number(
    path: str, uri: str, template: str | None
) -> None:
    result = upgraded(resource(resource_path=path, resource_kwargs={}), says(mimetype=TIFF))

    assert (result.uri, result.parameters.get("template")) == (uri, template)


def test_a_stream_resource_of_today_stays_as_it_is() -> None:
    result = upgraded(stream_resource())

    assert (result.mimetype, result.uri, result.data_key) == (
        "application/x-hdf5",
        "file://localhost/data/a.h5",
        "img",
    )
    assert result.parameters == {"dataset": "/entry/data"}
    assert result.said == {}


@pytest.mark.parametrize(
    ("uri", "repaired"),
    [
        ("file://localhost/old/a.h5", "file://localhost/new/a.h5"),
        ("file:///old/a.h5", "file:///new/a.h5"),
        ("file:/old/a.h5", "file:/new/a.h5"),
        ("s3://bucket/old/a.h5", "s3://bucket/old/a.h5"),
        ("file://localhost/older/a.h5", "file://localhost/older/a.h5"),
    ],
)
def test_roots_are_repaired_inside_of_uris(uri: str, repaired: str) -> None:
    result = upgraded(stream_resource(uri=uri), roots=roots(("/old", "/new")).roots)

    assert result.uri == repaired


def test_rules_of_resources_also_take_stream_resources() -> None:
    rule = ResourceRepair(
        "swmr",
        matches=lambda start, seen: seen["mimetype"] == "application/x-hdf5",
        parameters=lambda start, seen: {"swmr": seen["resource_kwargs"]["dataset"] == "/x"},
        at="m.yaml:7",
    )

    assert upgraded(stream_resource(), rule).said == {"swmr": False}


def test_a_stream_resource_of_old_knows_its_data_key() -> None:
    result = upgraded(resource(data_key="img"), says(mimetype=TIFF))

    assert result.data_key == "img"
    assert result.uri == "file://localhost/data/frames"


def test_a_repair_does_not_apply_after_its_last_day() -> None:
    late = {**START, "time": 1_800_000_000.0}  # in January of 2027
    repairs = Repairs(resources=(says(mimetype=TIFF, until="2026-12-31"),))

    assert upgrade_resource(resource(), START, repairs, ignore).mimetype == TIFF
    with pytest.raises(InvalidDocumentError, match="no rule says"):
        upgrade_resource(resource(), late, repairs, ignore)


# Datums


def datum(**kwargs: Any) -> dict[str, Any]:
    return frozen({"datum_id": "RES/0", "resource": "RES", "datum_kwargs": kwargs})


def test_a_datum_says_its_place_and_its_parameters() -> None:
    rule = DatumRepair(
        "channel",
        matches=lambda start, seen, datum: seen["spec"] == "AD_TIFF",
        parameters=lambda start, seen, datum: {"slice": datum["datum_kwargs"]["channel"] - 1},
        at="m.yaml:9",
    )
    of = upgraded(resource(), says(mimetype=TIFF))

    said = read_datum(datum(point_number=4, channel=2), of, START, Repairs(datums=(rule,)), ignore)

    assert said.place == ("point_number", 4)
    assert said.kwargs == {"channel": 2}
    assert said.said == {"slice": 1}


def test_a_rule_can_say_which_datums_are_meant() -> None:
    rule = DatumRepair(
        "whole-file",
        matches=lambda start, seen, datum: True,
        parameters=lambda start, seen, datum: {"indices": {"start": 0, "stop": 10}},
        at="m.yaml:9",
    )
    of = upgraded(resource(), says(mimetype=TIFF))

    said = read_datum(datum(point_number=4), of, START, Repairs(datums=(rule,)), ignore)

    assert said.place == ("indices", {"start": 0, "stop": 10})
    assert said.said == {}


def places(*given: tuple[str, Any] | None) -> list[tuple[int, int]]:
    counter = Counter()
    return [indices_of(place, counter) for place in given]


def test_places_of_datums() -> None:
    assert places(("indices", {"start": 2, "stop": 5})) == [(2, 5)]
    assert places(("point_number", 7), ("point_number", 3)) == [(7, 8), (3, 4)]
    assert places(None, None, None) == [(0, 1), (1, 2), (2, 3)]


def test_a_frame_is_the_last_of_its_datum_and_may_begin_anew() -> None:
    frames = [("frame", number) for number in (0, 1, 4, 9)]
    assert places(*frames) == [(0, 1), (1, 2), (2, 5), (5, 10)]
    assert places(("frame", 4), ("frame", 4), ("frame", 0)) == [(0, 5), (5, 10), (10, 11)]


@pytest.mark.parametrize(
    "place",
    [
        ("indices", {"start": 2}),
        ("indices", [0, 1]),
        ("indices", {"start": 3, "stop": 1}),
        ("point_number", -1),
        ("point_number", "first"),
        ("frame", float("inf")),
    ],
)
def test_a_place_that_is_none_is_an_error(place: tuple[str, Any]) -> None:
    with pytest.raises(InvalidDocumentError, match="place"):
        places(place)


def test_pages_and_bulk_documents_hold_datums() -> None:
    datums = [
        {"resource": "RES", "datum_id": f"RES/{n}", "datum_kwargs": {"point_number": n}}
        for n in range(3)
    ]
    page = {
        "resource": "RES",
        "datum_id": [f"RES/{n}" for n in range(3)],
        "datum_kwargs": {"point_number": [0, 1, 2]},
    }
    bulk = {
        "resource": "RES",
        "datum_ids": page["datum_id"],
        "datum_kwarg_list": [each["datum_kwargs"] for each in datums],
    }

    assert list(datums_of_page(frozen(page))) == datums
    assert list(datums_of_bulk(frozen(bulk))) == datums
