"""The tests of a mapping are those that name it, beside it or in a directory there."""

from pathlib import Path

from tests.testing.cases import MAPPING, write_facility
from tiledmap.testing import case_files, case_files_of


def test_tests_are_found_by_the_mapping_that_they_name(tmp_path: Path) -> None:
    own = write_facility(tmp_path, "")
    (tmp_path / "tests").mkdir()
    deeper = tmp_path / "tests" / "more.test.yaml"
    deeper.write_text("tiledmap_test: 1\nmapping: ../mine.yaml\ntests: []\n")
    (tmp_path / "other.yaml").write_text(MAPPING)
    other = tmp_path / "other.test.yaml"
    other.write_text("tiledmap_test: 1\nmapping: ./other.yaml\ntests: []\n")
    (tmp_path / "none.test.yaml").write_text("just: yaml\n")

    assert case_files_of(tmp_path / "mine.yaml") == [own, deeper]
    assert case_files_of(tmp_path / "other.yaml") == [other]
    assert case_files(tmp_path / "tests") == [deeper]


def test_a_file_that_cannot_be_read_belongs_to_the_mapping_of_its_name(tmp_path: Path) -> None:
    own = write_facility(tmp_path, "")
    own.write_text("tests: [")
    (tmp_path / "other.test.yaml").write_text("tests: [")
    assert case_files_of(tmp_path / "mine.yaml") == [own]
