"""Mappings in an editor, with a mark where the cursor is."""

from pathlib import Path

from tiledmap.editor.workspace import Document, Workspace

MARK = "▮"
HEADER = "tiledmap: 1\nname: beamline\nversion: 1.0.0\n"
ON_V3 = HEADER + "extends: bluesky-v3@^3\n"


def opened(text: str, path: Path = Path("/nowhere/beamline.yaml")) -> tuple[Document, int]:
    """A mapping as it is in an editor, and where the cursor is in it."""
    before, _, after = text.partition(MARK)
    workspace = Workspace()
    workspace.put(path, before + after)
    return workspace.document(path), len(before)
