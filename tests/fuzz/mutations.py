"""Mappings broken at random, a few places at a time."""

import random
from pathlib import Path

MAPPINGS = Path(__file__).parents[1] / "mappings"
SHIPPED = Path(__file__).parents[2] / "mappings"

SCRAPS = (
    *("&a", "*a", "<<: *a", "!!python/object/apply:os.system ['true']", "!x", "\t", "---", "..."),
    *("${{", "}}", "${{ }}", "${{ start.uid", "${{ __import__('os') }}", "{{ x }}", "%s", "|", ">"),
    *(
        "null",
        "~",
        "yes",
        "NO",
        "1_000",
        "012",
        "1:20",
        "1e999",
        ".nan",
        "-.inf",
        "0x1F",
        "''",
        '""',
    ),
    *("[", "]", "{", "}", "[[[[", ": :", "- -", "#", "'", '"', "\\"),
    *("\u2028", "\ufeff", "é", "\U0001d6fc"),
    *("copy: start", "remove: why", "drop: why", "name: x", "each: start.uid", "as: start"),
    *("match: {}", "match: {name: '['}", "when: 1", "from: value.x", "store: table", "table: none"),
    *("extends: bluesky-v3@^3", "extends: ./mapping.yaml", "extends: nothing@^1", "requires: {}"),
    *(
        "key: ${{ start.uid }}/x",
        "key: '..'",
        "until: 2026-13-45",
        "max_columns: -1",
        "dims: [..., ...]",
    ),
    *("dtype_numpy: O", "mimetype: x", "hooks: {h: {document: start, function: 'os:system'}}"),
    "settings: {s: {type: integer, default: x}}",
    "a" * 600,
    "[" * 60,
)


def originals() -> list[str]:
    """The texts that are mutated: every mapping of the project, as many right as wrong ones."""
    right = [*_texts(SHIPPED), *_texts(MAPPINGS / "valid")]
    wrong = _texts(MAPPINGS / "invalid")
    return [*wrong, *(right * (1 + len(wrong) // len(right)))]


def _texts(folder: Path) -> list[str]:
    return [
        path.read_text(encoding="utf-8", errors="replace")
        for path in sorted(folder.rglob("*.yaml"))
        if path.stat().st_size < 50_000
    ]


def mutate(text: str, chance: random.Random) -> str:
    """Break a text in one to four places, most often in one."""
    for _ in range(chance.choice((1, 1, 1, 2, 3, 4))):
        text = chance.choice(_WAYS)(text, chance)
    return text


def _delete_line(text: str, chance: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    if lines:
        del lines[chance.randrange(len(lines))]
    return "".join(lines)


def _copy_line(text: str, chance: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    if lines:
        lines.insert(chance.randrange(len(lines)), chance.choice(lines))
    return "".join(lines)


def _move_block(text: str, chance: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    start = chance.randrange(len(lines) + 1)
    block = lines[start : start + chance.randint(1, 6)]
    del lines[start : start + len(block)]
    place = chance.randrange(len(lines) + 1)
    return "".join([*lines[:place], *block, *lines[place:]])


def _indent(text: str, chance: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    if lines:
        place = chance.randrange(len(lines))
        lines[place] = chance.choice(["  ", "\t", " "]) + lines[place]
    return "".join(lines)


def _insert_scrap(text: str, chance: random.Random) -> str:
    place = chance.randrange(len(text) + 1)
    return text[:place] + chance.choice(SCRAPS) + text[place:]


def _replace_value(text: str, chance: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    with_values = [number for number, line in enumerate(lines) if ": " in line]
    if with_values:
        number = chance.choice(with_values)
        key = lines[number].partition(": ")[0]
        lines[number] = f"{key}: {chance.choice(SCRAPS)}\n"
    return "".join(lines)


def _flip_character(text: str, chance: random.Random) -> str:
    if not text:
        return text
    place = chance.randrange(len(text))
    return text[:place] + chr(chance.randrange(1, 0x250)) + text[place + 1 :]


def _cut(text: str, chance: random.Random) -> str:
    return text[: chance.randrange(len(text) + 1)]


_WAYS = (
    _delete_line,
    _delete_line,
    _copy_line,
    _move_block,
    _indent,
    _insert_scrap,
    _insert_scrap,
    _replace_value,
    _replace_value,
    _replace_value,
    _flip_character,
    _cut,
)
