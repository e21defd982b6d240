"""What tiledmap takes before there is any document: from the shell, and to be imported."""

import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import tiledmap
from benchmarks.report import Figure, Result
from tiledmap.resources import shipped_mappings

VALIDATE = "tiledmap validate"
IMPORT = "import of a generated module"
_IMPORT = """
import time
import event_model, pyarrow
cpu, began = time.thread_time(), time.perf_counter()
import written_by_tiledmap
print(time.thread_time() - cpu, time.perf_counter() - began)
"""
"""Of this thread alone: numpy's BLAS has begun others, which look for work a while yet."""


def start_up(mapping: str, repeats: int) -> dict[str, Result]:
    """Measure commands and an import, each in fresh interpreters; the first turn warms up."""
    with TemporaryDirectory() as home:
        module = Path(home) / "written_by_tiledmap.py"
        module.write_text(tiledmap.load(mapping).compile())
        commands = {
            VALIDATE: ("-m", "tiledmap", "validate", mapping),
            "tiledmap compile": ("-m", "tiledmap", "compile", mapping, "-o", f"{home}/out.py"),
            "python, for comparison": ("-c", "pass"),
        }
        taken: dict[str, list[float]] = {name: [] for name in commands}
        imported: list[tuple[float, float]] = []
        for turn in range(repeats + 1):
            for name, arguments in commands.items():
                cpu = _cpu_of(arguments)
                taken[name] += [cpu] if turn else []
            seconds = _import_of(home)
            imported += [seconds] if turn else []
    results = {
        name: Result(figures={"cpu_s": Figure(values=values)}) for name, values in taken.items()
    }
    results[IMPORT] = Result(
        figures={
            "cpu_s": Figure(values=[cpu for cpu, _ in imported]),
            "wall_s": Figure(values=[wall for _, wall in imported]),
        }
    )
    return results


def largest_mapping() -> str:
    """The shipped mapping that says most, with what it inherits."""
    return max(shipped_mappings(), key=lambda name: len(tiledmap.load(name).show(resolved=True)))


def _cpu_of(arguments: Sequence[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _import_of(directory: str) -> tuple[float, float]:
    """CPU and wall seconds of the import of the module in a directory."""
    printed = subprocess.run(
        [sys.executable, "-c", _IMPORT],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": directory},
    ).stdout
    cpu, wall = map(float, printed.split())
    return cpu, wall
