"""A plan's generated module, compiled where it is needed and never written to a file."""

import linecache
from typing import Any

from tiledmap.codegen.module import generate
from tiledmap.plan.steps import Plan
from tiledmap.runtime import Layout


def layout_of(plan: Plan) -> Layout:
    """Compile a plan in memory; the lines of the generated module show up in tracebacks."""
    source = generate(plan)
    file = f"<tiledmap {plan.name} {plan.version} {plan.sha256[:8]}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace: dict[str, Any] = {"__name__": f"tiledmap_generated.{plan.name}"}
    exec(compile(source, file, "exec"), namespace)  # our own text: literals and our calls
    layout: Layout = namespace["LAYOUT"]
    return layout
