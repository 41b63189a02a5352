"""grid-proxy's REST over the read model: the routes, filters and shapes that TFGrid's clients know."""

from tfchain.web.proxy.replies import page_not_found
from tfchain.web.proxy.routes import routes

__all__ = ["page_not_found", "routes"]
