"""`tfchain show`: one thing on the chain, as a node tells it, or proven here from the genesis."""

from tfchain.cli.show.verbs import app

__all__ = ["app"]
