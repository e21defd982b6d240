"""What Bluesky's documents are: event-model's schemas, and what a path of fields denotes."""
