"""What a mapping says: source positions, nodes, expressions, parsing, extends, settings."""
