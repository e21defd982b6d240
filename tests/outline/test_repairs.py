"""What repairs do, as values and in words."""

from pathlib import Path

import tiledmap
from tiledmap.outline.repairs import describe_repairs
from tiledmap.outline.values import EffectKind, Repair

MAPPING = """\
tiledmap: 1
name: mine
version: 1.0.0
extends: bluesky-v3@^3
repair:
  unmapped: error
  resources:
    - name: frames
      match: {spec: MINE}
      kwargs:
        path: {type: [string, "null"]}
        frames: {type: array, items: {type: integer}}
        any: {}
      mimetype: application/x-hdf5
      parameters: {dataset: entry}
      reason: said by us
  data_keys:
    - name: renamed
      match: {name: old}
      rename: new
      reason: said by us
    - name: dropped
      match: {name: broken}
      drop: nobody reads it
  start:
    - name: tidy
      without: {secret: private}
      rename: {old: new}
      set: {note: it is not stored}
      reason: said by us
"""


def repairs_of(path: Path) -> dict[str, Repair]:
    path.write_text(MAPPING)
    return {repair.rule: repair for repair in describe_repairs(tiledmap.load(path).resolved)}


def test_what_a_repair_does_is_told_as_values(tmp_path: Path) -> None:
    repairs = repairs_of(tmp_path / "mine.yaml")

    def told(rule: str) -> list[tuple[EffectKind, list[str]]]:
        effects = repairs[f"repair.{rule}"].effects
        return [(effect.kind, list(map(str, effect.fields))) for effect in effects]

    parameters = "stream_resource.parameters"
    assert told("unmapped") == [(EffectKind.REFUSES, ["stream_resource.uri"])]
    assert told("resources.frames") == [
        *[(EffectKind.DEMANDS, [])] * 3,
        (EffectKind.SETS, ["stream_resource.mimetype"]),
        (EffectKind.SETS, [parameters]),
    ]
    assert told("data_keys.renamed") == [(EffectKind.RENAMES, ["descriptor.data_keys.*.name"])]
    assert told("data_keys.dropped") == [(EffectKind.REMOVES, ["descriptor.data_keys.*"])]
    assert told("start.tidy") == [
        (EffectKind.REMOVES, ["start.secret"]),
        (EffectKind.RENAMES, ["start.old", "start.new"]),
        (EffectKind.SETS, ["start.note"]),
    ]


def test_types_of_kwargs_are_told_in_words(tmp_path: Path) -> None:
    repair = repairs_of(tmp_path / "mine.yaml")["repair.resources.frames"]
    assert repair.does[:3] == (
        "resource_kwargs.path must be text or nothing",
        "resource_kwargs.frames must be list of integer",
        "resource_kwargs.any must be anything",
    )
