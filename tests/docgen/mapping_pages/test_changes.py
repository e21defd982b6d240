"""What a mapping changes of the one that it extends, rule by rule."""

from pathlib import Path

import pytest

import tiledmap
from tiledmap.docgen.mapping_pages.changes import Act, Change, generations


def changes_of(mapping: tiledmap.LoadedMapping) -> dict[str, Change]:
    """The changes that a mapping itself makes, by what they are about."""
    newest, *_ = generations(mapping.outline.chain, mapping.sources)
    return {change.what: change for change in newest.changes}


def test_a_shipped_mapping_says_all_that_it_changes() -> None:
    found = {what: change.act for what, change in changes_of(tiledmap.load("nexus-simple")).items()}
    assert found == {
        "profile": Act.REPLACED,
        "source.start.title": Act.ADDED,
        "source.start.operator": Act.ADDED,
        "source.start.sample_name": Act.ADDED,
        "source.start.chemical_formula": Act.ADDED,
        "source.descriptor.name": Act.ADDED,
        "run.specs": Act.REPLACED,
        "run.metadata": Act.REPLACED,
        "streams.sample": Act.ADDED,
        "streams.every-stream.key": Act.REPLACED,
        "streams.every-stream.specs": Act.REPLACED,
        "streams.every-stream.metadata": Act.REPLACED,
        "streams.every-stream.data.files": Act.REPLACED,
        "streams.every-stream.data.ragged": Act.REPLACED,
        "streams.every-stream.data.arrays": Act.REPLACED,
        "streams.every-stream.data.text-arrays": Act.REMOVED,
        "streams.every-stream.tables.internal.key": Act.REPLACED,
        "streams.every-stream.tables.internal.metadata": Act.REPLACED,
    }


def test_the_first_of_a_chain_changes_nothing() -> None:
    mapping = tiledmap.load("csx")
    first, *_, last = generations(mapping.outline.chain, mapping.sources)
    assert (first.mapping.name, last.mapping.name) == ("csx", "bluesky-v3")
    assert last.changes == ()


CHILD = """\
tiledmap: 1
name: child
version: 1.0.0
extends: bluesky-v3@^3
settings:
  max_columns: {default: 100}
  mine: {type: string, default: x, help: A setting of its own.}
run:
  specs:
    append:
      - spec: Mine
streams:
  - name: every-stream
    data:
      - name: unsigned-64
        remove: there are none
assets:
  - name: hdf5
    match: {mimetype: application/x-hdf5}
    consolidator: hdf5
    needs: [dataset]
    join: concat
"""


@pytest.fixture
def child(tmp_path: Path) -> tiledmap.LoadedMapping:
    path = tmp_path / "child.yaml"
    path.write_text(CHILD)
    return tiledmap.load(path)


def test_each_kind_of_change(child: tiledmap.LoadedMapping) -> None:
    found = changes_of(child)
    assert {what: change.act for what, change in found.items()} == {
        "settings.max_columns.default": Act.REPLACED,
        "settings.mine": Act.ADDED,
        "run.specs": Act.EXTENDED,
        "streams.every-stream.data.unsigned-64": Act.REMOVED,
        "assets.hdf5": Act.REPLACED,
    }
    assert found["streams.every-stream.data.unsigned-64"].reason == "there are none"


def test_both_places_are_known(child: tiledmap.LoadedMapping) -> None:
    found = changes_of(child)
    replaced, added = found["assets.hdf5"], found["settings.mine"]
    assert replaced.before is not None
    assert Path(replaced.after.file).name == "child.yaml"
    assert replaced.before.file == "bluesky-v3.yaml"
    assert added.before is None
    for change in found.values():
        text = child.sources[change.after.file].splitlines()[change.after.line - 1]
        assert text.strip()


def test_an_overlay_is_the_newest_of_the_chain(tmp_path: Path) -> None:
    overlay = tmp_path / "here.yaml"
    overlay.write_text(
        "tiledmap: 1\nname: here\nversion: 1.0.0\nsettings: {data_root: {default: /mnt}}\n"
    )
    mapping = tiledmap.load("csx", overlays=[overlay])
    assert set(changes_of(mapping)) == {"settings.data_root.default"}
