"""What a user did wrong, or what is missing around tiledmap: words instead of a traceback."""

from collections.abc import Iterable

PROBLEMS_FOUND = 1
WRONG_USE = 2


class Mistake(Exception):  # noqa: N818  (the user's, not the program's)
    """Something to tell the user; the command ends.

    Parameters
    ----------
    message
        What is wrong, as one sentence without a full stop.
    hint
        What to do about it; may have several lines.
    exit_code
        What the command ends with.
    """

    def __init__(self, message: str, hint: str = "", exit_code: int = WRONG_USE) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code

    def __str__(self) -> str:
        hints = [f"  {line}" for line in self.hint.splitlines()]
        return "\n".join([f"tiledmap: {self.message}", *hints])


def missing_package(error: ModuleNotFoundError, needed_for: str, extras: str) -> Mistake:
    """Say which extras of tiledmap bring a package that is not installed."""
    name = (error.name or "").partition(".")[0]
    return Mistake(
        f"{needed_for} needs the package {name!r}, which is not installed",
        f"pip install 'tiledmap[{extras}]'",
    )


def no_such_mapping(name: str, shipped: Iterable[str]) -> Mistake:
    """Say that a mapping is neither a file nor shipped."""
    from tiledmap.problems.nearest import did_you_mean

    names = list(shipped)
    hint = did_you_mean(name, names) or f"shipped mappings: {', '.join(names)}"
    if (plain := name.partition("@")[0]) in names:
        hint = f"write {plain}; a range of versions stands after 'extends:' only"
    looks_like_file = "/" in name or name.endswith((".yaml", ".yml"))
    if looks_like_file:
        return Mistake(f"there is no file {name!r}")
    return Mistake(f"there is no file and no shipped mapping {name!r}", hint)
