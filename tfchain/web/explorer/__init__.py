"""`/explorer`: the chain for people, page by page; all of it can be read without a script."""

from tfchain.web.explorer.cells import ROOT
from tfchain.web.explorer.routes import routes

__all__ = ["ROOT", "routes"]
