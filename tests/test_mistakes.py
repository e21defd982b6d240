"""Mistakes of mappings that people wrote by hand: each has a message that helps.

They are those of "checks a compiler could have made on today's hand-written files". What a mistake
is, and where the language leaves no room for it, is said at the head of its file.
"""

from pathlib import Path

import pytest

from tests.golden import assert_golden
from tiledmap.api import examine
from tiledmap.problems.formats import format_text

MISTAKES = sorted((Path(__file__).parent / "mappings" / "mistakes").glob("*.yaml"))


def test_there_are_enough_of_them() -> None:
    assert len(MISTAKES) >= 12


@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.stem)
def test_a_mistake_is_explained(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    examined = examine(path.name)
    assert_golden(path.with_suffix(".txt"), format_text(examined.problems, examined.sources))

    assert examined.problems
    for problem in examined.problems:
        assert problem.span.file == path.name  # where
        assert problem.label, f"{problem.code} does not say why"
        assert problem.hint, f"{problem.code} does not say how to mend it"
