"""Documents that wait to be stored: as bytes, and in files that outlive their process."""

from tiledmap.runtime.journal.codec import CorruptRecordError, decode, encode
from tiledmap.runtime.journal.directory import SpoolError
from tiledmap.runtime.journal.run_journal import REFUSED, RunJournal
from tiledmap.runtime.journal.spool import Spool
from tiledmap.runtime.journal.survey import JournalInfo, statuses, survey

__all__ = [
    "REFUSED",
    "CorruptRecordError",
    "JournalInfo",
    "RunJournal",
    "Spool",
    "SpoolError",
    "decode",
    "encode",
    "statuses",
    "survey",
]
