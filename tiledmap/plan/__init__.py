"""What a checked mapping does: steps, the passes over them, and their text."""
