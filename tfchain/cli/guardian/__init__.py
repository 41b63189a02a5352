"""`tfchain guardian`: the guardian's desk for people: look, then sign."""

from tfchain.cli.guardian.verbs import app

__all__ = ["app"]
