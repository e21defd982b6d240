"""What is said of documents that event-model's schemas do not allow."""

from typing import Any

import pytest

from tiledmap.runtime.documents import schema_problem

RESOURCE = {
    "uid": "r",
    "run_start": "s",
    "spec": "AD_TIFF",
    "root": "/",
    "resource_path": "a",
    "resource_kwargs": {},
}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, None),
        ({"resource_kwargs": None}, "$.resource_kwargs: None is not of type 'object'"),
        (
            {"mount": "/data"},
            "$: Unevaluated properties are not allowed ('mount' was unexpected)",
        ),
    ],
)
def test_the_field_that_is_wrong_is_named(changes: dict[str, Any], problem: str | None) -> None:
    assert schema_problem("resource", {**RESOURCE, **changes}) == problem
