"""A list of problems that a notebook shows with their source."""

from collections.abc import Iterable, Mapping

from tiledmap.problems import Problem


class ProblemList(list[Problem]):
    """Problems, in the order in which to read them.

    Parameters
    ----------
    sources
        Text by file name; files that are not given are read.
    """

    def __init__(
        self, problems: Iterable[Problem] = (), sources: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(problems)
        self.sources = dict(sources or {})

    def _repr_html_(self) -> str:
        from tiledmap.display.html import problems_as_html

        return problems_as_html(self, self.sources)
