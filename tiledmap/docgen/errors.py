"""Why a site cannot be made."""

from collections.abc import Iterable


class SiteError(Exception):
    """A site cannot be made.

    Parameters
    ----------
    faults
        All that is wrong, a line each.
    """

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))
