from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiledmap.runtime.consolidators.templates import name_files

DIRECTORY = "file://localhost/data/06/01"
PREFIX = "file://localhost/data/3f2a"


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("%s%s_%6.6d.tiff", "abc_000007.tiff"),
        ("%s%s_%d.tiff", "abc_7.tiff"),
        ("%s%s_%5d.tiff", "abc_    7.tiff"),
        ("%s%s_%-3d.tiff", "abc_7  .tiff"),
        ("%s%s_%+.3d.tiff", "abc_+007.tiff"),
        ("%s%s_%10.6d.tiff", "abc_    000007.tiff"),
        ("%s%s_100%%_%d.tiff", "abc_100%_7.tiff"),
        ("%s/%s_%03d.tiff", "abc_007.tiff"),
        ("{filename}_{index:06d}.tiff", "abc_000007.tiff"),
        ("{filename}_{:06d}.tiff", "abc_000007.tiff"),
        ("{filename}_{0:>6}.tiff", "abc_     7.tiff"),
        ("{filename}{{{index}}}.tiff", "abc{7}.tiff"),
    ],
)
def test_a_template_that_begins_with_the_name_is_of_files_in_a_directory(
    template: str, name: str
) -> None:
    for uri in (DIRECTORY, f"{DIRECTORY}/"):
        assert name_files(uri, template, "abc").uri_of(7) == f"{DIRECTORY}/{name}"


@pytest.mark.parametrize(
    "template", ["/%s_%6.6d.tiff", "/{filename}_{:06d}.tiff", "/%s%s_%06d.tiff"]
)
@pytest.mark.parametrize("uri", [DIRECTORY, f"{DIRECTORY}/"])
def test_a_slash_is_neither_doubled_nor_lost(template: str, uri: str) -> None:
    assert name_files(uri, template, "abc").uri_of(7) == f"{DIRECTORY}/abc_000007.tiff"


@pytest.mark.parametrize("template", ["_{:d}.bin", "_%d.bin", "%s_%d.bin", "_{index}.bin"])
def test_a_uri_may_be_the_beginning_of_the_names(template: str) -> None:
    assert name_files(PREFIX, template, None).uri_of(7) == f"{PREFIX}_7.bin"


def test_a_template_may_be_a_function_of_the_number() -> None:
    template: Callable[[int], str] = lambda number: f"/abc_{number + 1:03}.tiff"  # noqa: E731
    names = name_files(f"{DIRECTORY}/", template, "unused")
    assert names.numbered
    assert names.uri_of(7) == f"{DIRECTORY}/abc_008.tiff"


@pytest.mark.parametrize("template", [None, ""])
def test_without_a_template_the_uri_is_the_file(template: str | None) -> None:
    names = name_files(PREFIX, template, "abc")
    assert not names.numbered
    assert names.uri_of(0) == PREFIX


@pytest.mark.parametrize("template", ["%s%s.h5", "/%s.h5", "/{filename}.h5"])
def test_a_template_without_a_number_names_one_file(template: str) -> None:
    names = name_files(DIRECTORY, template, "abc")
    assert not names.numbered
    assert names.uri_of(0) == f"{DIRECTORY}/abc.h5"


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ("/{name}_{:d}.tiff", "{name}"),
        ("/{filename:>5}_{:d}.tiff", "{filename:>5}"),
        ("/{index:x}.tiff", "{index:x}"),
        ("/{:99999d}.tiff", "{:99999d}"),
        ("%s%s_%x.tiff", "%x"),
        ("img_%ld.tiff", "%ld"),
        ("img_{index!r}.tiff", "{"),
        ("img_{index", "{"),
        (["%d"], "no text"),
    ],
)
def test_what_is_no_template_is_named(template: object, shown: str) -> None:
    with pytest.raises(ValueError, match="template") as failure:
        name_files(DIRECTORY, template, "abc")
    assert shown in str(failure.value)


@given(
    filename=st.text(min_size=1).filter(lambda text: "/" not in text),
    number=st.integers(0, 10**7),
    uri=st.sampled_from([DIRECTORY, f"{DIRECTORY}/"]),
)
def test_any_file_name_is_taken_as_it_is(filename: str, number: int, uri: str) -> None:
    for template in ("%s%s_%06d.tiff", "{filename}_{index:06d}.tiff", "/{filename}_{:06d}.tiff"):
        name = name_files(uri, template, filename).uri_of(number)
        assert name == f"{DIRECTORY}/{filename}_{number:06d}.tiff"
