"""Tools for testing mappings: the reference interpreter, Hypothesis strategies, golden files."""
