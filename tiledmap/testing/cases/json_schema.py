"""The published JSON schema of files of tests, for editors."""

from enum import StrEnum
from typing import Any

from tiledmap.language.json_schema import WORDS as MAPPING_WORDS
from tiledmap.language.json_schema import schema_of
from tiledmap.language.nodes import Store
from tiledmap.testing.cases.statements import CaseFileStatement, Family

FORM_VERSION = 1
NAME = f"mapping-test-v{FORM_VERSION}"
"""The schema's name among the published ones."""

WORDS: dict[type[StrEnum], dict[str, str]] = {
    Family: {
        "container": "Holds other nodes.",
        "table": "Columns of equal length.",
        "array": "Numbers or texts in so many dimensions; files may hold them.",
        "ragged": "Lists whose lengths may differ.",
        "bytes": "Files as they are, which nothing reads.",
    },
    Store: MAPPING_WORDS[Store],
}
"""What each word of an enumeration means."""


def case_file_schema() -> dict[str, Any]:
    """Make the JSON schema of a file of tests."""
    title = f"tests of a tiledmap mapping, version {FORM_VERSION}"
    return schema_of(CaseFileStatement, NAME, title, WORDS)
