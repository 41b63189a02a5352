"""`/v1`: our own API, with streams of events, its OpenAPI document and a page of that."""

from tfchain.web.api.routes import routes

__all__ = ["routes"]
