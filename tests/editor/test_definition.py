from pathlib import Path

import pytest

from tests.editor.marked import HEADER, MARK, ON_V3, opened
from tiledmap.editor.definition import definition

BEAMLINE = f"""{ON_V3}
source:
  start:
    properties:
      edge: {{type: string}}
    required: [edge]
settings:
  max_columns: {{default: 800}}
  root: {{type: string, default: /data}}
repair:
  roots:
    - name: old
      prefix: /old
      becomes: ${{{{ settings.root }}}}
  resources:
    - name: npy-sequence
      remove: not used here
    - name: area-detector-tiff
      match: {{spec: AD_TIFF}}
      mimetype: multipart/related;type=image/tiff
      kwargs: {{filename: {{type: string}}}}
      parameters: {{template: "/${{{{ resource.resource_kwargs.filename }}}}.tiff"}}
  data_keys:
    - {{name: first-one, dtype: int32}}
    - {{name: second-one, dtype: int64, over: first-one}}
run:
  specs:
    prepend:
      - each: ["a"]
        as: letter
        spec: ${{{{ letter }}}}/${{{{ start.edge }}}}
streams:
  - name: every-stream
    data:
      - {{name: scalars, store: table, table: mine}}
      - {{name: unknown, match: {{name: x}}, store: table, table: internal}}
    tables:
      - name: mine
        key: internal
        max_columns: ${{{{ settings.max_columns }}}}
        columns: []
"""


def leads_to(*stretch: str) -> tuple[str, str] | None:
    """The file and the line that the last of the words leads to."""
    place = 0
    for words in stretch:
        place = BEAMLINE.index(words, place)
    document, index = opened(BEAMLINE[: place + 1] + MARK + BEAMLINE[place + 1 :])
    span = definition(document, index)
    if span is None:
        return None
    line = document.examined.sources[span.file].split("\n")[span.line - 1]
    return Path(span.file).name, line[span.column - 1 : span.end_column - 1]


@pytest.mark.parametrize(
    ("stretch", "target"),
    [
        (("extends: ", "bluesky-v3"), ("bluesky-v3.yaml", "bluesky-v3")),
        (("every-stream",), ("bluesky-v3.yaml", "every-stream")),
        (("name: ", "scalars"), ("bluesky-v3.yaml", "scalars")),
        (("area-detector-tiff",), ("bluesky-v3.yaml", "area-detector-tiff")),
        (("npy-sequence",), ("bluesky-v3.yaml", "npy-sequence")),
        (("remove: ", "not used"), ("bluesky-v3.yaml", "npy-sequence")),
        (("table: ", "mine"), ("beamline.yaml", "mine")),
        (("table: ", "internal"), ("bluesky-v3.yaml", "internal")),
        (("over: ", "first-one"), ("beamline.yaml", "first-one")),
        (("settings.", "root"), ("beamline.yaml", "root")),
        (("settings.max", "max_columns"), ("bluesky-v3.yaml", "max_columns")),
        (("settings:", "max_columns"), ("bluesky-v3.yaml", "max_columns")),
        (("start.", "edge"), ("beamline.yaml", "edge")),
        (("required: ", "edge"), ("beamline.yaml", "edge")),
        (("resource_kwargs.", "filename"), ("beamline.yaml", "filename")),
        (("spec: $", "letter"), ("beamline.yaml", "letter")),
        (("unknown",), None),
        (("prefix",), None),
        (("start.",), None),
    ],
)
def test_what_is_said_elsewhere_is_found(stretch, target):
    assert leads_to(*stretch) == target


def test_nothing_is_found_where_nothing_can_be_read():
    document, index = opened(f"{HEADER}extends: nowhe{MARK}re\n")
    assert definition(document, index) is None
    document, index = opened(f"- {MARK}a\n")
    assert definition(document, index) is None
