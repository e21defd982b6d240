"""What may go wrong between documents and a catalog, and that none of it loses or doubles a row.

`python -m tests.faults` runs at length; the tests beside it run a few.
"""
