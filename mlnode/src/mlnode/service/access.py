"""Who may call the server: the address it binds, the token, mutual TLS."""

import hmac
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

import grpc
from typing_extensions import override

from mlnode.service.config import ConfigError, ServiceConfig, split_address

_SHORTEST_TOKEN = 16
# Generic for the type checker alone; None is a method that nobody offers.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Found: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"
Context = grpc.aio.ServicerContext[Any, Any]


class TokenInterceptor(grpc.aio.ServerInterceptor):
    """Refuses calls without the bearer token; health checks need none."""

    def __init__(self, token: str) -> None:
        self._want = f"Bearer {token}".encode()

    @override
    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Found]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Found:
        """Let the call through, or answer UNAUTHENTICATED."""
        handler = await continuation(handler_call_details)
        if handler is None or handler_call_details.method.startswith("/grpc.health."):
            return handler
        given = dict(handler_call_details.invocation_metadata or ()).get("authorization", "")
        text = given.encode() if isinstance(given, str) else given
        if hmac.compare_digest(text, self._want):
            return handler
        return _unauthenticated(handler)


def interceptors(service: ServiceConfig) -> list[grpc.aio.ServerInterceptor]:
    """The token's, if there is one.

    Raises:
        ConfigError: the token's file cannot be read or holds too little.
    """
    if not service.token_file:
        return []
    try:
        token = _read("token_file", service.token_file).decode("ascii").strip()
    except UnicodeDecodeError:
        token = ""
    if len(token) < _SHORTEST_TOKEN or not token.isprintable():
        raise ConfigError(
            f"service.token_file {service.token_file} holds no token; "
            f"it is one line of at least {_SHORTEST_TOKEN} ASCII characters"
        )
    return [TokenInterceptor(token)]


def bind(server: grpc.aio.Server, service: ServiceConfig) -> int:
    """Bind the address; returns the port, also where 0 let the system choose.

    Raises:
        ConfigError: the address cannot be bound, or a file of the keys is of no use.
    """
    check_free("service.listen", service.listen)
    try:
        if service.tls_cert:
            return server.add_secure_port(service.listen, _credentials(service))
        return server.add_insecure_port(service.listen)
    except RuntimeError:
        raise ConfigError(f'service.listen is "{service.listen}", which cannot be bound') from None


def check_free(key: str, address: str) -> None:
    """Try an address out, because gRPC would say on several lines what is wrong.

    Raises:
        ConfigError: naming the key and the system's reason.
    """
    host, port = split_address(key, address)
    try:
        family, kind, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(where)
    except OSError as err:
        raise ConfigError(f'{key} is "{address}": {err.strerror or err}') from None


def _credentials(service: ServiceConfig) -> grpc.ServerCredentials:
    key = _read("tls_key", service.tls_key)
    cert = _read("tls_cert", service.tls_cert)
    client_ca = _read("tls_client_ca", service.tls_client_ca)
    # gRPC finds out at the first handshake, and then only tells the caller.
    trial = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        trial.load_cert_chain(service.tls_cert, service.tls_key)
    except ssl.SSLError as err:
        raise ConfigError(
            "service.tls_cert and service.tls_key are no PEM certificate with its key: "
            f"{err.reason or err}"
        ) from None
    try:
        trial.load_verify_locations(service.tls_client_ca)
    except ssl.SSLError as err:
        raise ConfigError(
            f"service.tls_client_ca {service.tls_client_ca} holds no PEM certificate: "
            f"{err.reason or err}"
        ) from None
    return grpc.ssl_server_credentials(
        [(key, cert)], root_certificates=client_ca, require_client_auth=True
    )


def _read(key: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as err:
        raise ConfigError(f"service.{key} {path}: {err.strerror}") from None


def _unauthenticated(handler: Handler) -> Handler:
    async def unary(_: object, context: Context) -> None:
        await context.abort(
            grpc.StatusCode.UNAUTHENTICATED, "send the node's token as authorization: Bearer …"
        )

    async def stream(_: object, context: Context) -> Any:
        await unary(_, context)
        yield

    # The refusal must have the shape of what was called.
    if handler.request_streaming:
        if handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(stream)
        return grpc.stream_unary_rpc_method_handler(unary)
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(stream)
    return grpc.unary_unary_rpc_method_handler(unary)
