"""A few hundred of the trials that ``python -m tests.fuzz`` runs by the ten thousand."""

import random
from pathlib import Path

from tests.fuzz.mutations import originals
from tests.fuzz.trials import try_expression, try_mapping


def test_broken_mappings_have_problems_with_positions_or_compile(tmp_path: Path) -> None:
    chance = random.Random(20260)
    texts = originals()

    let_in = sum(try_mapping(chance.choice(texts), chance, tmp_path) for _ in range(300))

    assert 0 < let_in < 300


def test_hostile_expressions_reach_nothing_but_documents(tmp_path: Path) -> None:
    chance = random.Random(20261)

    let_in = sum(try_expression(chance, tmp_path) for _ in range(300))

    assert 0 < let_in < 300
