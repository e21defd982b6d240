"""The documentation site: pages as values, then files that need no server and no network."""
