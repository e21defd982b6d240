"""Run the fuzz trials at length: ``python -m tests.fuzz [--mappings N] [--expressions N]``."""

import argparse
import random
import tempfile
import time
from pathlib import Path

from tests.fuzz.mutations import originals
from tests.fuzz.trials import try_expression, try_mapping


def main() -> None:
    """Try as many as asked, and print what was let in; a failure stops with its seed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--mappings", type=int, default=10_000)
    parser.add_argument("--expressions", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    texts = originals()
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        for what, count, one in (
            (
                "mappings",
                arguments.mappings,
                lambda chance: try_mapping(chance.choice(texts), chance, home),
            ),
            ("expressions", arguments.expressions, lambda chance: try_expression(chance, home)),
        ):
            began = time.monotonic()
            let_in = 0
            for number in range(count):
                seed = f"{arguments.seed}-{what}-{number}"
                try:
                    let_in += one(random.Random(seed))
                except BaseException:
                    print(f"failed with random.Random({seed!r})")
                    print((home / "mapping.yaml").read_bytes().decode(errors="replace"))
                    raise
            seconds = time.monotonic() - began
            print(f"{count} {what}: {let_in} let in, {count - let_in} refused, {seconds:.0f} s")


if __name__ == "__main__":
    main()
