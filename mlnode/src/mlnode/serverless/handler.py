"""Verification for hosts without a GPU of their own: ``handler(event) → dict``.

The function needs no SDK. ``python -m mlnode.serverless.handler`` hands it to Runpod's, which
the extra ``serverless`` installs (mlnode/serverless/README.md).

Axes: B nonces of a request.
"""

import importlib
import logging
import os
from typing import Any, cast

import numpy as np

from mlnode.serverless.machine import Machine
from mlnode.serverless.request import read_request

log = logging.getLogger(__name__)

_machine = Machine()


def handler(event: object) -> dict[str, Any]:
    """Answers one request; see mlnode/serverless/README.md for its fields.

    Args:
        event: ``{"input": {…}}``; what else it holds is the platform's and not looked at.

    Returns:
        The decisions, or ``{"error", "error_type"}``; it raises nothing.
    """
    return answer(event, _machine)


def answer(event: object, machine: Machine) -> dict[str, Any]:
    """As ``handler``, on a machine of the caller's."""
    try:
        request = read_request(event)
        came = machine.decide(request)
    except Exception as error:
        log.warning("refused: %s", error)
        return {"error": str(error) or repr(error), "error_type": type(error).__name__}
    valid_B = came.valid
    return {
        "public_key": request.round.public_key.hex(),
        "block_hash": request.round.block_hash,
        "block_height": request.round.block_height,
        "nonces": request.nonces[valid_B].tolist(),
        "dist": came.distances[valid_B].tolist(),
        "node_id": 0,
        "total_computed": len(valid_B),
        "total_valid": int(np.count_nonzero(valid_B)),
        "digests": [digest.tobytes().hex() for digest in came.digests],
    }


def main() -> None:
    """Hands the function to Runpod's SDK, which reads its options from the command line."""
    logging.basicConfig(
        level=os.environ.get("LOG_LEVEL", "INFO").upper(),
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    # The SDK ships no types, and only this command needs it.
    runpod = cast(Any, importlib.import_module("runpod"))
    runpod.serverless.start({"handler": handler})


if __name__ == "__main__":
    main()
