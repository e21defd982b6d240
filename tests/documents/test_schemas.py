import subprocess
import sys

import event_model
import pytest

from tiledmap.documents.schemas import SCHEMA_FILES, document_schema, event_model_version


@pytest.mark.parametrize("document", event_model.DocumentNames)
def test_every_document_of_event_model_has_its_schema(
    document: event_model.DocumentNames,
) -> None:
    expected = event_model.schemas[document]
    assert document_schema(document.name) == expected


def test_the_names_of_documents_are_event_models() -> None:
    assert set(SCHEMA_FILES) == {document.name for document in event_model.DocumentNames}


def test_the_version_is_that_of_the_installed_event_model() -> None:
    assert event_model_version() == event_model.__version__


def test_event_model_is_not_imported_for_its_schemas() -> None:
    code = (
        "import sys; from tiledmap.documents.fields import document_type;"
        "document_type('start'); assert 'event_model' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
