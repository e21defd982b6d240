"""Writes into Tiled."""

from tiledmap.sinks.tiled.nodes import Storage
from tiledmap.sinks.tiled.sink import TiledSink

__all__ = ["Storage", "TiledSink"]
