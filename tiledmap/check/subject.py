"""What the checks look at."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tiledmap.language import nodes


@dataclass(frozen=True, slots=True)
class Subject:
    """A mapping that is to be checked.

    Parameters
    ----------
    mapping
        With its parents merged in.
    settings
        Every setting's final value.
    today
        The day that ``until`` is compared with.
    """

    mapping: nodes.Mapping
    settings: Mapping[str, Any]
    today: datetime.date
