"""`/guardian`: the guardian's desk as pages, for the machine on which the guardian's key is."""

from tfchain.web.desk.routes import routes
from tfchain.web.desk.work import Desk

__all__ = ["Desk", "routes"]
