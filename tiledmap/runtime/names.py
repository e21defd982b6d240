"""Names that Tiled can store: of nodes, of columns, of data keys.

Tiled checks no node key, and SQL databases check column names only when a row arrives. Data keys
whose names would fail there are stored under others; every place that names them follows.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

LONGEST_NODE_KEY = 255
LONGEST_DATA_KEY = 60
"""In bytes: PostgreSQL has 63 for a column, and each data key has one with ``ts_`` before it."""

RESERVED = ("time", "seq_num", "rowid", "internal")
OF_TIMESTAMPS = "ts_"
"""How columns of timestamps begin; readers take any column that does for one of them."""
_TABLE_PART = re.compile(r"internal_\d+")
_NODE_KEY = re.compile(r"[^/?#%\x00-\x1f\x7f]+")
_COLUMN = re.compile(r"[A-Za-z](?:(?!--)[^\x00-\x1f\x7f'\"`;/*\\%()=+#?])*")
_ODD_IN_COLUMN = re.compile(r"--|[\x00-\x1f\x7f'\"`;/*\\%()=+#?]")


def node_key_problem(key: Any) -> str | None:
    """Why a node with this key could not be reached, or None."""
    if not isinstance(key, str):
        return f"{key!r} is no string"
    if key in ("", ".", "..") or not _NODE_KEY.fullmatch(key):
        return f"{key!r} cannot be the key of a node"
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        return f"{key!r} is no valid text"
    if size > LONGEST_NODE_KEY:
        return f"{key!r} is longer than {LONGEST_NODE_KEY} bytes"
    return None


def is_column_name(name: str) -> bool:
    """Whether SQLite, DuckDB and PostgreSQL all take a column of this name."""
    return bool(_COLUMN.fullmatch(name)) and _fits(name, LONGEST_DATA_KEY + len(OF_TIMESTAMPS))


def safe_names(
    data_keys: Iterable[str],
    *,
    in_table: Callable[[str], bool] = lambda name: True,
    taken: Iterable[str] = (),
) -> dict[str, str]:
    """New names for the data keys that need one, by old name.

    Parameters
    ----------
    data_keys
        All data keys of a descriptor, in its order.
    in_table
        Whether the values of this data key are a column; a node's key may have more characters.
    taken
        Names of other columns.
    """
    used = {name.casefold() for name in (*RESERVED, *taken)}
    unsafe = []
    for name in data_keys:
        if _is_safe(name, in_table(name)) and not _claims(name) & used:
            used |= _claims(name)
        else:
            unsafe.append(name)
    renamed = {}
    for name in unsafe:
        renamed[name] = new = _free(_made_safe(name), used)
        used |= _claims(new)
    return renamed


def describe_renaming(names: Mapping[str, str], stream: str) -> list[str]:
    """Notes on new names, in the words that `bluesky-tiled-plugins` uses."""
    return [f"Renamed data_key '{old}' to '{new}' in stream {stream}" for old, new in names.items()]


def _claims(name: str) -> set[str]:
    return {name.casefold(), f"{OF_TIMESTAMPS}{name}".casefold()}


def _fits(name: str, longest: int) -> bool:
    try:
        return len(name.encode()) <= longest
    except UnicodeEncodeError:
        return False


def _is_safe(name: str, in_table: bool) -> bool:
    if not _fits(name, LONGEST_DATA_KEY) or _TABLE_PART.fullmatch(name):
        return False
    if name.startswith(OF_TIMESTAMPS):
        return False
    if in_table:
        return is_column_name(name)
    return node_key_problem(name) is None and is_column_name(f"{OF_TIMESTAMPS}{name}")


def _made_safe(name: str) -> str:
    if name.casefold() in RESERVED or _TABLE_PART.fullmatch(name):
        return f"{name}_"
    from hashlib import sha256  # slow to load, and seldom needed

    digest = sha256(name.encode(errors="surrogatepass")).hexdigest()[:8]
    safe = _ODD_IN_COLUMN.sub("_", name)
    if not _COLUMN.match(safe) or safe.startswith(OF_TIMESTAMPS):
        safe = f"key_{safe.lstrip('_')}"
    if not _fits(safe, LONGEST_DATA_KEY):
        cut = safe.encode(errors="ignore")[: LONGEST_DATA_KEY - 12].decode(errors="ignore")
        safe = f"{cut}_{digest}"
    return safe


def _free(name: str, used: set[str]) -> str:
    candidate, number = name, 1
    while _claims(candidate) & used:
        number += 1
        candidate = f"{name.rstrip('_')}_{number}"
    return candidate
