"""Every mapping that there is: shipped, or written for tests."""

from pathlib import Path

from tiledmap.api import shipped

VALID = Path(__file__).parents[1] / "mappings" / "valid"
WRITTEN = [*(mapping.name for mapping in shipped()), *sorted(map(str, VALID.glob("*.yaml")))]
