"""The dotted names of rules, such as ``streams.every-stream.data.files``."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tiledmap.plan.steps import Plan, StreamStep


def rule_places(plan: Plan) -> Mapping[str, str]:
    """Return where each rule that makes nodes stands, by its dotted name."""
    places = {"run": plan.run.at}
    for stream in plan.streams:
        places.update(_places(f"streams.{stream.name}", stream))
    return places


def _places(name: str, stream: StreamStep) -> Iterator[tuple[str, str]]:
    yield name, stream.at
    for section in ("data", "tables", "coordinates"):
        for step in getattr(stream, section):
            yield f"{name}.{section}.{step.name}", step.at


def named_by_rule(plan: Plan) -> Plan:
    """Return a plan whose nodes say which rule asked for them, instead of on which line.

    Lines may be shared: by rules that are written on one, and by files of the same name.
    """
    streams = tuple(_named(f"streams.{stream.name}", stream) for stream in plan.streams)
    return replace(plan, run=replace(plan.run, at="run"), streams=streams)


def _named(name: str, stream: StreamStep) -> StreamStep:
    return replace(
        stream,
        at=name,
        data=tuple(replace(step, at=f"{name}.data.{step.name}") for step in stream.data),
        tables=tuple(replace(step, at=f"{name}.tables.{step.name}") for step in stream.tables),
        coordinates=tuple(
            replace(step, at=f"{name}.coordinates.{step.name}") for step in stream.coordinates
        ),
    )
