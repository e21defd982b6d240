import pytest

from tests.editor.marked import HEADER, MARK, ON_V3, opened
from tiledmap.editor.hover import hover
from tiledmap.problems import CODES

BEAMLINE = f"""{ON_V3}
source:
  start:
    properties:
      people: {{type: array, items: {{type: object, properties: {{orcid: {{type: string}}}}}}}}
      edge: {{type: string, description: The absorption edge.}}
    required: [edge]
settings:
  root: {{type: string, default: /data, help: Where the files are., choices: [/data, /old]}}
repair:
  resources:
    - name: area-detector-tiff
      match: {{spec: AD_TIFF}}
      mimetype: multipart/related;type=image/tiff
      kwargs: {{filename: {{type: string}}}}
      parameters:
        template: /${{{{ resource.resource_kwargs.filename }}}}_${{{{ pad(index, 6) }}}}.tiff
        root: ${{{{ settings.root }}}}
  data_keys:
    - name: counts
      set: {{units: mm}}
      over: other
    - name: other
      dtype: int32
run:
  on_collision: refuse
  specs:
    prepend:
      - spec: By/${{{{ start.edge }}}}
      - each: default(start.people, [])
        as: person
        when: has(person.orcid) and start["scan_id"] == 1
        spec: By/${{{{ default(person.orcid, 'x') }}}}
  metadata:
    start:
      copy: start
      without: {{hints: not wanted}}
streams:
  - name: every-stream
    data:
      - name: scalars
        when: descriptor.data_keys["det 1"].units == 'mm'
        store: table
        table: internal
"""


def explained(*stretch: str) -> str:
    """What is said where the last of the words stands, each found behind the one before."""
    place = 0
    for words in stretch:
        place = BEAMLINE.index(words, place)
    document, index = opened(BEAMLINE[: place + 1] + MARK + BEAMLINE[place + 1 :])
    found = hover(document, index)
    assert found is not None
    assert found.span.line == BEAMLINE.count("\n", 0, place) + 1
    return found.markdown


def test_a_field_is_described_as_event_model_does():
    words = explained("start[", "scan_id")
    assert "**start.scan_id**: integer, may be absent" in words
    assert "Scan ID number, not globally unique" in words
    assert "Declared by event-model." in words


def test_a_declared_field_is_described_as_the_mapping_does():
    words = explained("By/", "edge")
    assert "**start.edge**: text, required" in words
    assert "The absorption edge." in words
    assert "`source` of the mapping, beamline.yaml:10" in words


def test_a_field_below_a_name_that_is_no_word_is_found():
    words = explained("det 1", "units")
    assert words.startswith("**descriptor.data_keys['det 1'].units**: text")


def test_the_field_of_an_item_has_the_type_that_was_declared():
    assert "**person.orcid**: text, may be absent" in explained("has(", "orcid")
    assert "event-model" not in explained("has(", "orcid")


@pytest.mark.parametrize(
    ("stretch", "said"),
    [
        (("By/", "start"), "event-model's run start"),
        (("has(", "person"), "The item that `as` names."),
        (("pad(", "index"), "The number of a file"),
        (("pad(",), "pad(number: integer, width: integer) -> text"),
        (("pad(",), "pad(7, 6)  # '000007'"),
        (("resource_kwargs",), "**resource.resource_kwargs**: object"),
        (("resource_kwargs.", "filename"), "Declared under `kwargs` of this rule"),
        (("settings.", "root"), "**settings.root**: string, default `/data`"),
        (("settings.", "root"), "Where the files are."),
        (("settings:", "root"), "One of /data, /old."),
        (("on_collision",), "`resume` | `suffix_uid` | `refuse`"),
        (("on_collision",), "- `refuse`: Do not store the run."),
        (("on_collision", "refuse"), "Do not store the run."),
        (("streams",), "Where each stream goes."),
        (("prepend",), "Put before the inherited items."),
        (("set:", "units"), "**units**: text or nothing, may be absent"),
        (("without:", "hints"), "**hints**: object"),
        (("required:", "edge"), "**edge**: text, required"),
        (("properties:", "edge"), "The absorption edge."),
        (("extends: ", "bluesky-v3"), "Bluesky runs, one container per stream"),
        (("every-stream",), "Changes, field by field, the rule **every-stream** of bluesky-v3"),
        (("name: ", "scalars"), "Replaces the rule **scalars** of bluesky-v3"),
        (("name: ", "scalars"), "```yaml\nname: scalars\nstore: table\ntable: internal\n```"),
        (("table: ", "internal"), "key: internal\norder: seq_num"),
        (("over: ", "other"), "```yaml\nname: other\ndtype: int32\n```"),
    ],
)
def test_what_is_written_is_explained(stretch, said):
    assert said in explained(*stretch)


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}run: {{key: it{MARK}self}}\n",
        f"{HEADER}run:\n  key: ${{{{ nothing.he{MARK}re }}}}\n",
        f"{HEADER}run:\n  key: ${{{{ start.noth{MARK}ing }}}}\n",
        f"{HEADER}run:\n  key: ${{{{ 'start.u{MARK}id' }}}}\n",
        f"{HEADER}nonsen{MARK}se: 1\n",
        f"{HEADER}# comm{MARK}ent\n",
        f"- a li{MARK}st\n",
        f"{HEADER}settings: {{a: {{type: string}}}}\nrun: {{key: '${{{{ settings.{MARK}b }}}}'}}\n",
    ],
)
def test_where_there_is_nothing_to_say_nothing_is_said(text):
    document, index = opened(text)
    found = hover(document, index)
    assert found is None or found.markdown.startswith("# TM")  # what is wrong there


@pytest.mark.parametrize("place", ["parn", "parnt", "ignore[TM5"])
def test_the_code_of_what_is_wrong_is_explained(place):
    text = f"{ON_V3}run:\n  parnt: [a]\n  key: a  # tiledmap: ignore[TM502] nobody looks\n"
    document, _ = opened(text)
    found = hover(document, text.index(place) + len(place))
    code = "TM502" if place.endswith("5") else "TM005"
    assert found is not None
    assert found.markdown.startswith(f"# {code}: {CODES[code].title}")
    assert "language reference for the keys" in found.markdown or code == "TM502"  # no dead link
    lines, span = text.split("\n"), found.span
    assert lines[span.line - 1][span.column - 1 : span.end_column - 1] in ("parnt", "TM502")


def test_a_problem_of_many_lines_is_explained_on_the_first():
    document, _ = opened("tiledmap: 1\ndescription: x\n")
    (span,) = {each.span for each in document.problems if each.message.endswith("'run'")}
    assert span.end_line > span.line
    first, last = (hover(document, document.text.index(word)) for word in (": 1", "x"))
    assert first is not None
    assert "# TM011" in first.markdown
    assert last is None


def test_a_value_that_came_from_elsewhere_is_shown(monkeypatch):
    monkeypatch.setenv("TILEDMAP_SET_ROOT", "/old")
    assert "Its value is `/old` now." in explained("settings.", "root")
