"""Who may call: the token, mutual TLS, and what is open to all."""

import asyncio
import datetime
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from ninefold_proto.mlnode.v1 import node_pb2, node_pb2_grpc, poc_pb2, poc_pb2_grpc

from mlnode.service.config import Config
from mlnode.service.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="package")
TOKEN = "correct horse battery staple"
Call = Callable[[grpc.aio.Channel, Any], Any]


def unary(channel: grpc.aio.Channel, metadata: Any) -> Any:
    ask = node_pb2.GetInfoRequest()
    return node_pb2_grpc.NodeServiceStub(channel).GetInfo(ask, metadata=metadata)


async def streaming_down(channel: grpc.aio.Channel, metadata: Any) -> Any:
    stub = node_pb2_grpc.NodeServiceStub(channel)
    return await stub.LoadModel(node_pb2.LoadModelRequest(), metadata=metadata).read()


async def streaming_both(channel: grpc.aio.Channel, metadata: Any) -> Any:
    return await poc_pb2_grpc.PocServiceStub(channel).Generate(metadata=metadata).read()


async def reflecting(channel: grpc.aio.Channel, metadata: Any) -> Any:
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
    return await stub.ServerReflectionInfo(metadata=metadata).read()


@pytest.mark.parametrize("call", [unary, streaming_down, streaming_both, reflecting])
@pytest.mark.parametrize(
    "metadata",
    [
        None,
        [("authorization", TOKEN)],
        [("authorization", "Bearer ")],
        [("authorization", f"Bearer {TOKEN}x")],
        [("authorization", f"bearer {TOKEN}")],
    ],
)
async def test_a_call_without_the_token_is_refused(
    guarded: grpc.aio.Channel, call: Call, metadata: Any
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call(guarded, metadata)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_the_token_opens_everything_and_health_is_open_to_all(
    guarded: grpc.aio.Channel,
) -> None:
    health: Any = health_pb2_grpc.HealthStub(guarded)
    answer = await health.Check(health_pb2.HealthCheckRequest())
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    assert (await unary(guarded, [("authorization", f"Bearer {TOKEN}")])).version


async def test_reflection_lists_the_services(guarded: grpc.aio.Channel) -> None:
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(guarded)
    call = stub.ServerReflectionInfo(metadata=[("authorization", f"Bearer {TOKEN}")])
    await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
    services = (await call.read()).list_services_response.service
    call.cancel()
    assert {"mlnode.v1.PocService", "mlnode.v1.NodeService", "grpc.health.v1.Health"} <= {
        service.name for service in services
    }


async def test_a_method_that_nobody_offers_is_unimplemented(guarded: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as unknown:
        await guarded.unary_unary("/mlnode.v1.PocService/Nothing")(b"")
    assert unknown.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_more_calls_than_anybody_needs_are_refused(guarded: grpc.aio.Channel) -> None:
    stub = poc_pb2_grpc.PocServiceStub(guarded)
    streams = [stub.Validate(metadata=[("authorization", f"Bearer {TOKEN}")]) for _ in range(65)]
    codes = [asyncio.ensure_future(stream.code()) for stream in streams]
    ended, open_ = await asyncio.wait(codes, timeout=60, return_when=asyncio.FIRST_COMPLETED)
    assert [code.result() for code in ended] == [grpc.StatusCode.RESOURCE_EXHAUSTED]
    for stream in streams:
        stream.cancel()
    await asyncio.wait(open_)


@pytest_asyncio.fixture(loop_scope="package")
async def guarded(config: Config, idle: Any, tmp_path: Path) -> Any:
    """A channel to a server that wants the token."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    service = replace(config.service, token_file=str(tmp_path / "token"))
    server = Server(replace(config, service=service), make=idle)
    await server.start()
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{server.port}")
    yield channel
    await channel.close()
    await server.close()


@dataclass
class Identity:
    """A certificate with its key, as PEM."""

    certificate: bytes
    key: bytes


class Authority:
    """Signs certificates for 127.0.0.1."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        self.pem = self._sign(self._name, self._key, is_authority=True)

    def identity(self) -> Identity:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return Identity(self._sign(name, key, is_authority=False), pem)

    def _sign(self, name: x509.Name, key: Any, *, is_authority: bool) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .sign(self._key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )


async def test_mutual_tls_lets_in_who_the_authority_signed_and_nobody_else(
    config: Config, idle: Any, tmp_path: Path
) -> None:
    ours, theirs = Authority(), Authority()
    identity = ours.identity()
    files = {
        "tls_cert": identity.certificate,
        "tls_key": identity.key,
        "tls_client_ca": ours.pem,
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    paths = {name: str(tmp_path / name) for name in files}
    service = replace(config.service, **paths)
    server = Server(replace(config, service=service), make=idle)
    await server.start()
    try:
        client, stranger = ours.identity(), theirs.identity()
        assert await asks(server, ours.pem, client) == "OK"
        assert await asks(server, ours.pem, stranger) == "UNAVAILABLE"
        assert await asks(server, ours.pem, None) == "UNAVAILABLE"
        assert await asks(server, theirs.pem, client) == "UNAVAILABLE"
    finally:
        await server.close()


async def asks(server: Server, authority: bytes, identity: Identity | None) -> str:
    """Ask for the status over TLS; returns the code."""
    credentials = grpc.ssl_channel_credentials(
        authority,
        identity.key if identity is not None else None,
        identity.certificate if identity is not None else None,
    )
    async with grpc.aio.secure_channel(f"127.0.0.1:{server.port}", credentials) as channel:
        try:
            await poc_pb2_grpc.PocServiceStub(channel).GetStatus(
                poc_pb2.PocServiceGetStatusRequest(), timeout=60
            )
        except grpc.aio.AioRpcError as err:
            return err.code().name
    return "OK"
