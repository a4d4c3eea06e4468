"""Turns the errors of this server into gRPC statuses with their words."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

import grpc

from mlnode.poc.errors import PocError
from mlnode.service.errors import (
    NoRoundError,
    RequestError,
    RoundOpenError,
    ServiceError,
    StaleCommandError,
    SupersededError,
    WorkerFailedError,
)
from mlnode.serving.errors import (
    ModelError,
    ModelNotFoundError,
    ModelReplacedError,
    ModelRequestError,
)

_CODES: dict[type[Exception], grpc.StatusCode] = {
    RequestError: grpc.StatusCode.INVALID_ARGUMENT,
    RoundOpenError: grpc.StatusCode.ALREADY_EXISTS,
    NoRoundError: grpc.StatusCode.FAILED_PRECONDITION,
    StaleCommandError: grpc.StatusCode.FAILED_PRECONDITION,
    SupersededError: grpc.StatusCode.ABORTED,
    WorkerFailedError: grpc.StatusCode.UNAVAILABLE,
    ModelRequestError: grpc.StatusCode.INVALID_ARGUMENT,
    ModelNotFoundError: grpc.StatusCode.NOT_FOUND,
    ModelReplacedError: grpc.StatusCode.ABORTED,
    ModelError: grpc.StatusCode.FAILED_PRECONDITION,
    PocError: grpc.StatusCode.INVALID_ARGUMENT,
}

F = TypeVar("F", bound=Callable[..., Any])


def refusing(method: F) -> F:
    """Make a method answer our errors with a status; anything else stays a fault of ours."""
    if inspect.isasyncgenfunction(method):

        @functools.wraps(method)
        async def stream(self: Any, request: Any, context: Any) -> Any:
            try:
                async for response in method(self, request, context):
                    yield response
            except (ServiceError, PocError, ModelError) as err:
                await context.abort(_code(err), str(err))

        return cast(F, stream)

    @functools.wraps(method)
    async def unary(self: Any, request: Any, context: Any) -> Any:
        try:
            return await method(self, request, context)
        except (ServiceError, PocError, ModelError) as err:
            await context.abort(_code(err), str(err))

    return cast(F, unary)


def _code(err: Exception) -> grpc.StatusCode:
    for kind, code in _CODES.items():
        if isinstance(err, kind):
            return code
    return grpc.StatusCode.INTERNAL
