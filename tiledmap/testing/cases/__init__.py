"""A mapping's own tests: documents in, expected nodes out, in a ``NAME.test.yaml`` beside it.

What finds, reads and formats such files loads nothing that runs them.
"""
