"""Pairs of mappings, and what is said to differ between them."""

from collections import Counter
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

import tiledmap
from tests.golden import assert_golden
from tests.outline.compare.directions import told, undone
from tiledmap.cli.differences import draw_comparison
from tiledmap.outline.compare.compare import compare, is_raised
from tiledmap.outline.compare.values import Category, Comparison, Side

CASES = Path(__file__).parents[2] / "mappings" / "diff"
NAMES = sorted(path.name for path in CASES.iterdir() if path.is_dir())


def side(path: Path | str) -> Side:
    loaded = tiledmap.load(path)
    return Side(loaded.resolved, loaded.outline)


def compared(name: str) -> Comparison:
    return compare(side(CASES / name / "before.yaml"), side(CASES / name / "after.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_a_case_is_told_as_expected(name: str) -> None:
    output = StringIO()
    draw_comparison(Console(file=output, width=100), compared(name), None)
    assert_golden(CASES / name / "expected.txt", output.getvalue())


@pytest.mark.parametrize("category", Category)
def test_every_category_has_a_case(category: Category) -> None:
    word = category.value.lower()
    assert any(
        name.partition("-")[0] == word and category in compared(name).categories for name in NAMES
    )


@pytest.mark.parametrize("name", NAMES)
def test_back_again_undoes_every_change(name: str) -> None:
    there = compared(name)
    back = compare(side(CASES / name / "after.yaml"), side(CASES / name / "before.yaml"))
    assert Counter(map(undone, there.changes)) == Counter(map(told, back.changes))


def test_a_declared_move_does_not_fail() -> None:
    assert compared("path").at_least(Category.PATH)
    assert not compared("path-declared").at_least(Category.PATH)
    assert not compared("path-renamed-data-keys").at_least(Category.PATH)


def test_a_version_must_be_raised_as_the_changes_need() -> None:
    drop, reader, text = map(compared, ("lossy-drop", "reader", "text"))
    assert drop.bump is not None
    assert (drop.bump.needs, drop.bump.enough) == ("major", True)
    assert reader.bump is not None
    assert (reader.bump.needs, reader.bump.enough) == ("major", False)
    assert text.bump is None


@pytest.mark.parametrize(
    ("before", "after", "needs", "enough"),
    [
        ("1.2.0", "2.0.0", "major", True),
        ("1.2.0", "1.3.0", "major", False),
        ("1.2.0", "1.3.0", "minor", True),
        ("1.2.0", "1.2.9", "minor", False),
        ("0.2.0", "0.3.0", "major", True),
        ("1.2.0", "1.1.0", "minor", False),
        ("2.0.0-rc.1", "2.0.0", "major", False),
    ],
)
def test_versions(before: str, after: str, needs: str, enough: bool) -> None:
    assert is_raised(before, after, needs) is enough
