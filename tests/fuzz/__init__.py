"""Mappings and expressions that nobody would write, and what may not happen with them.

`python -m tests.fuzz` runs at length; the test beside it runs a few hundred.
"""
