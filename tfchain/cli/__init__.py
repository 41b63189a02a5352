"""The front door: parses, prints, draws progress. One file a verb."""
