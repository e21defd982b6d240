"""What is in `invalid` is wrong on purpose; `tests/test_invalid_mappings.py` reads it."""

collect_ignore = ["invalid"]
