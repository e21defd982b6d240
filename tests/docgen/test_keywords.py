from pathlib import Path

from tiledmap.docgen.keywords import statements

VALID = Path(__file__).parents[1] / "mappings" / "valid"

TEXT = """\
streams:
  - name: all

    data:
      # about files
      - {name: files, store: files}
      - name: arrays
        match:
          name: a

        when: >
          data_key.size > 16
          and true
        store: array
run:
  key: x
  metadata:
    start: {copy: start}
settings:
  limit:
    type: integer
"""


def keywords_of(text):
    return {each.path: each for statement in statements([text]) for each in statement.keywords}


def test_an_example_is_the_keyword_and_what_leads_to_it():
    keywords = keywords_of(TEXT)
    store = "streams:\n  - name: all\n    data:\n      - {name: files, store: files}\n"
    assert keywords["streams.data.store"].example == store
    when = keywords["streams.data.when"].example.splitlines()
    assert when[-3:] == ["        when: >", "          data_key.size > 16", "          and true"]
    assert when[-4] == "      - name: arrays"
    copied = "run:\n  metadata:\n    start: {copy: start}\n"
    assert keywords["run.metadata.copy"].example == copied
    assert keywords["settings.*.type"].example == "settings:\n  limit:\n    type: integer\n"


def test_of_a_long_example_the_beginning_is_shown():
    example = keywords_of(TEXT)["streams"].example
    assert len(example.splitlines()) <= 9
    assert example.splitlines()[-1].strip() == "# …"


def test_a_statement_is_told_once_at_the_first_keyword_that_holds_it():
    told = {each.keyword.path if each.keyword else "": each for each in statements([TEXT])}
    assert told["run.specs"].others[:2] == ("streams.specs", "streams.data.specs")
    assert told["settings"].keywords[0].path == "settings.*.type"
    keywords = keywords_of(TEXT)
    assert keywords["streams.specs"].told_at == keywords["run.specs"].told_at == "run.specs"
    assert keywords["streams.data.store"].told_at == ""
    assert keywords["streams.data.store"].values["table"] == "As columns of a table."
    assert {each.path for each in told[""].keywords if each.required} == {
        "tiledmap",
        "name",
        "version",
    }
    assert told.keys() == {"", *(each.told_at for each in keywords.values() if each.told_at)}


def test_every_keyword_of_the_mapping_that_says_all_of_them_has_an_example():
    text = (VALID / "everything.yaml").read_text("utf-8")
    lacking = {path for path, keyword in keywords_of(text).items() if not keyword.example}
    only_where_one_extends = {path for path in lacking if path.endswith((".remove", "extends"))}
    assert lacking == only_where_one_extends
