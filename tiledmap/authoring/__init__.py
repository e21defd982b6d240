"""From recorded documents to a first mapping: survey what was seen, propose, write it down."""
