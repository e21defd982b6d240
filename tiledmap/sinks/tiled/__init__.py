"""Writes into Tiled."""

from tiledmap.sinks.tiled.sink import Storage, TiledSink

__all__ = ["Storage", "TiledSink"]
