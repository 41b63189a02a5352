"""GraphQL as the public TFGrid server speaks it (clients 2), answered from the read model's tables.

Names, filters, orders, cursors and errors are those of Subsquid's OpenReader, for the tools that ask
it; all of them are made from the one table of entities. A query becomes one statement of SQL for each
list in it, whatever the number of rows.
"""

from tfchain.web.graphql.http import routes

__all__ = ["routes"]
