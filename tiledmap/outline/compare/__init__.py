"""What a reader of the data would notice between two mappings."""
