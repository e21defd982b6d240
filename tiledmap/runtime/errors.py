"""Why a write could not be performed."""

from tiledmap.runtime.ops import Op, Path


def incomplete(path: Path, why: str) -> str:
    """What a run's notes say of a node that is not stored whole."""
    return f"{'/'.join(path)} is not complete: {why}"


class SinkError(Exception):
    """An op that a sink could not perform.

    Parameters
    ----------
    reason
        What went wrong, in the server's words where it gave any.
    op
        The op.
    transient
        True where the same op may succeed later: the server could not be reached or was busy.
    pause
        Seconds for which the server asked to be left alone.
    hint
        What the reader can do about it.
    """

    def __init__(
        self,
        reason: str,
        op: Op,
        *,
        transient: bool = False,
        pause: float = 0.0,
        hint: str = "",
    ) -> None:
        super().__init__(reason, op)
        self.reason = reason
        self.op = op
        self.run = op.run
        self.path = op.path
        self.at = op.at
        self.transient = transient
        self.pause = pause
        self.hint = hint

    @property
    def explained(self) -> str:
        """The reason, and what can be done about it, on one line."""
        return f"{self.reason} ({self.hint})" if self.hint else self.reason

    def __str__(self) -> str:
        where = "/".join(self.path) or "the catalog"
        text = f"{where}: {self.reason} (run {self.run}, asked for at {self.at})"
        return f"{text}\n{self.hint}" if self.hint else text


class CollisionError(SinkError):
    """A node's place is taken by a node of something else."""


class BusyRunError(SinkError):
    """A run that another writer is writing."""


class DoubledRowsError(SinkError):
    """A table that holds more rows than its run has.

    A request that was given up as lost came through later. Where the run's documents are at hand,
    the table can be discarded and written again.
    """


class UnfitColumnsError(SinkError):
    """A table that could be made without some of its columns.

    Parameters
    ----------
    columns
        Their names.
    words
        What the server said. The reason is without them, to be the same each time a run is written.
    """

    def __init__(
        self, op: Op, columns: tuple[str, ...], *, words: str = "", hint: str = ""
    ) -> None:
        super().__init__("the server's storage of tables cannot hold it", op, hint=hint)
        self.columns = columns
        self.words = words

    def __str__(self) -> str:
        return "\n".join(filter(None, (super().__str__(), self.words)))


class WriteError(Exception):
    """A document, or a part of it, that could not be stored as the mapping says.

    Parameters
    ----------
    reason
        What went wrong.
    run
        The uid of the run.
    document
        Which document, in words: ``event 3 of stream 'primary'``.
    at
        The mapping's line that asked for it, where one did.
    """

    def __init__(self, reason: str, *, run: str = "", document: str = "", at: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.run = run
        self.document = document
        self.at = at
        if at:
            self.add_note(f"asked for at {at}")

    def __str__(self) -> str:
        where = ", ".join(filter(None, (self.run and f"run {self.run}", self.document)))
        asked = f" (asked for at {self.at})" if self.at else ""
        return f"{where}: {self.reason}{asked}" if where else f"{self.reason}{asked}"


class InvalidDocumentError(WriteError):
    """A document that event-model's schema, or the mapping's additions, do not allow."""


class OrphanDocumentError(WriteError):
    """A document that belongs to no run or no descriptor that was seen."""


class LossyValueError(WriteError):
    """A value that its place cannot hold without a loss."""


class RuleError(WriteError):
    """A rule of the mapping that could not be applied to a document."""


class RefusedRunError(WriteError):
    """A run that must not be written, because its access tags cannot be made."""


class FailedWriteError(WriteError):
    """A write that the sink could not perform."""


class DeliveryHaltedError(BaseException):
    """A run's delivery ends here for now: its writer is being closed while the server is away.

    No `Exception`, so that nothing that keeps a run going takes it for a fault of a document.
    """


def in_words(error: BaseException) -> str:
    """What an exception says, without its traceback; never raises."""
    if isinstance(error, WriteError | SinkError):
        return error.reason
    try:
        text = str(error)
    except Exception:  # the value that it speaks of may do what it likes
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
