"""Loads the members before their tests.

pytest names a test module after its path, so that ``mlnode/tests/…`` would make the folder
``mlnode`` the package of that name, and hide the real one in ``mlnode/src``.
"""

import mlnode  # noqa: F401
import simulation  # noqa: F401
import testnet  # noqa: F401
