"""A plan as Python: a readable module that imports `tiledmap.runtime` and nothing else of ours."""
