"""The HTTP doors of the library."""

from marketplace.library.routes.items import router as items
from marketplace.library.routes.licences import router as licences

ROUTERS = (items, licences)
