"""Who performs ops: memory, or a Tiled catalog."""
