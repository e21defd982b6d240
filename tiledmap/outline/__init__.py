"""What a mapping makes, as people ask for it: its tree, and the way of every field into it."""
