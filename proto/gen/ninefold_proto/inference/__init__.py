"""Messages of the chain's module `inference`.

They import schemas of the Cosmos SDK. cosmpy ships those, and puts them on the
path when its package `protos` is imported; generating them a second time would
register the same names twice in one descriptor pool.
"""

import cosmpy.protos as _cosmos_schemas  # noqa: F401  # pyright: ignore[reportUnusedImport]
