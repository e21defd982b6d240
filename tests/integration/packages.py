"""Packages that only these tests need."""

import os

import pytest


def need(*packages: str) -> None:
    """Pass over a module where one of them is not installed; in CI they must be."""
    for package in packages:
        if not os.environ.get("CI"):
            pytest.importorskip(package, reason=f"{package} is not installed")
