import pytest

from tests.check.subjects import read
from tiledmap.check.matching import ASSETS, DATA_KEYS, EVERYTHING, FILES, STREAMS, Region

PRESENT, ABSENT = ("present",), ("absent",)


def test_a_match_becomes_patterns_by_field() -> None:
    mapping = read(
        """
        repair:
          data_keys:
            - name: pilatus
              match: {name: ["pil*", mono], dtype_numpy: int32}
              drop: never read back
        """
    )
    assert mapping.repair is not None
    region = DATA_KEYS.region(mapping.repair.data_keys[0].match)
    assert region == {"name": ("pil*", "mono"), "dtype_numpy": ("<i4",)}


def test_no_match_takes_everything() -> None:
    assert STREAMS.region(None) == EVERYTHING


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"name": ("pil*",)}, {"name": ("*_image",)}),
        ({"name": ("pil*",)}, {"dtype": ("array",)}),
        ({"dtype": ("*r*",)}, {"dtype": ("array",)}),
        ({"external": PRESENT}, {"external": ("STREAM:",)}),
        ({"shape": ("ragged", "fixed")}, {"shape": ("fixed", "scalar")}),
        ({"units": ABSENT}, EVERYTHING),
    ],
)
def test_regions_overlap_where_one_thing_fits_both(one: Region, other: Region) -> None:
    assert DATA_KEYS.overlap(one, other)
    assert DATA_KEYS.overlap(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"name": ("pil*",)}, {"name": ("mono", "xs*")}),
        ({"external": PRESENT}, {"external": ABSENT}),
        ({"external": ABSENT}, {"external": ("*",)}),
        ({"name": ("det[12]",)}, {"name": ("det[34]",)}),
        ({"shape": ("ragged",)}, {"shape": ("fixed",)}),
        ({"name": ("a",), "dtype": ("array",)}, {"name": ("a",), "dtype": ("number",)}),
    ],
)
def test_regions_do_not_overlap_where_one_field_keeps_them_apart(
    one: Region, other: Region
) -> None:
    assert not DATA_KEYS.overlap(one, other)
    assert not DATA_KEYS.overlap(other, one)


@pytest.mark.parametrize(
    ("region", "covers"),
    [
        ({"name": ("pil*",)}, [EVERYTHING]),
        ({"name": ("pil1M",)}, [{"name": ("pil*",)}]),
        (EVERYTHING, [{"external": PRESENT}, {"external": ABSENT}]),
        (EVERYTHING, [{"shape": ("scalar", "ragged")}, {"shape": ("fixed",)}]),
        (EVERYTHING, [{"dtype": ("*a*", "*n*")}]),
        (
            EVERYTHING,
            [{"dtype": ("array",)}, {"external": PRESENT}, {"dtype": ("[!a]*",)}],
        ),
        ({"name": ("det[12]",)}, [{"name": ("det1", "det2")}, {"name": ("det?",)}]),
        ({"dtype_numpy": ("<u8",)}, [{"dtype_numpy": ("<u*",)}]),
    ],
)
def test_regions_are_covered_by_what_takes_all_of_them(
    region: Region, covers: list[Region]
) -> None:
    assert DATA_KEYS.covered(region, covers)


@pytest.mark.parametrize(
    ("region", "covers", "left"),
    [
        (EVERYTHING, [], "any data key"),
        (EVERYTHING, [{"external": PRESENT}], "a data key without external"),
        (EVERYTHING, [{"name": ("pil*",)}], "a data key with another name"),
        ({"name": ("pil*",)}, [{"name": ("pil1*",)}], "a data key with name like 'pil*'"),
        (EVERYTHING, [{"units": ("*",)}], "a data key without units"),
        (
            {"external": ABSENT},
            [{"dtype": ("array", "number", "string", "boolean")}],
            "a data key without external and with dtype 'integer'",
        ),
    ],
)
def test_what_is_left_over_is_described(region: Region, covers: list[Region], left: str) -> None:
    assert DATA_KEYS.uncovered(region, covers) == left


def test_a_stream_may_have_no_name() -> None:
    assert STREAMS.uncovered(EVERYTHING, [{"name": ("*",)}]) == "a stream without name"


def test_every_file_has_a_mimetype() -> None:
    assert ASSETS.covered(EVERYTHING, [{"mimetype": ("*",)}])


def test_specs_are_compared_without_regard_to_case() -> None:
    mapping = read(
        """
        repair:
          resources:
            - {name: lower, match: {spec: ad_tiff}, mimetype: image/tiff}
            - {name: upper, match: {spec: "AD_*"}, mimetype: image/tiff}
        """
    )
    assert mapping.repair is not None
    lower, upper = (FILES.region(rule.match) for rule in mapping.repair.resources)
    assert FILES.covered(lower, [upper])


def test_spellings_of_one_dtype_are_one() -> None:
    mapping = read(
        """
        repair:
          data_keys:
            - {name: word, match: {dtype_numpy: float64}, drop: never read back}
            - {name: code, match: {dtype_numpy: "<f8"}, drop: never read back}
        """
    )
    assert mapping.repair is not None
    word, code = (DATA_KEYS.region(rule.match) for rule in mapping.repair.data_keys)
    assert word == code


def test_a_dtype_that_there_is_not_matches_nothing() -> None:
    assert DATA_KEYS.empty({"dtype": ("float",)})
    assert not DATA_KEYS.empty({"dtype": ("number",)})
