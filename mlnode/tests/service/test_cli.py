"""What the command line refuses, and in which words: one line that names the key."""

import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mlnode.cli import app


def refused(folder: Path, text: str) -> str:
    """Run a server with a configuration it refuses; returns its words."""
    path = folder / "mlnode.toml"
    path.write_text(text.replace("STATE", f'state_dir = "{folder}/state"'))
    result = CliRunner().invoke(app, ["serve", "--config", str(path)])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix(f"mlnode: {path}: ").removeprefix("mlnode: ").strip()


def test_a_configuration_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["serve", "--config", f"{tmp_path}/none.toml"])
    assert result.exit_code == 2
    assert result.stderr == f"mlnode: {tmp_path}/none.toml: no such file\n"


def test_a_folder_and_what_is_no_text_are_no_configuration(tmp_path: Path) -> None:
    path = tmp_path / "mlnode.toml"
    path.write_bytes(b"\xff\xfe")
    for given, words in ((tmp_path, "Is a directory"), (path, "not TOML: 'utf-8' codec")):
        result = CliRunner().invoke(app, ["serve", "--config", f"{given}"])
        assert result.exit_code == 2
        assert result.stderr.startswith(f"mlnode: {given}: {words}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "[service",
            "not TOML: Expected ']' at the end of a table declaration (at end of document)",
        ),
        (
            '[service]\ntoken_fil = "x"',
            "unknown key service.token_fil; did you mean service.token_file",
        ),
        ("[servce]", "unknown key servce; did you mean service"),
        ("service = 1", "[service] is a section, not a value"),
        ('[poc]\nbatch_size = "8"', "poc.batch_size is '8'; it is a whole number"),
        ("[poc]\nbatch_size = true", "poc.batch_size is True; it is a whole number"),
        ("[poc]\nbatch_size = 65537", "poc.batch_size is 65537; it is 0 (automatic) to 65536"),
        ("[poc]\nwindow = inf", "poc.window is inf; it is a whole number"),
        *(
            (
                f"[poc]\nhung_after_s = {written}",
                f"poc.hung_after_s is {shown}; it is above 0, at most 86400",
            )
            for written, shown in (
                ("nan", "nan"),
                ("inf", "inf"),
                ("-inf", "-inf"),
                ("0", "0"),
                ("86401", "86401"),
                ("1" + "0" * 400, "inf"),
            )
        ),
        (
            "[poc]\nhung_after = 9.0",
            "unknown key poc.hung_after; did you mean poc.hung_after_s",
        ),
        (
            '[service]\nlisten = "127.0.0.1:²"',
            'service.listen is "127.0.0.1:²"; it is host:port, e.g. 127.0.0.1:9100',
        ),
        ("[poc]\nwindow = 0", "poc.window is 0; it is 1 to 64"),
        ("[poc]\nthreads = -1", "poc.threads is -1; it is 0 (automatic) to 1024"),
        (
            '[poc]\nengine = "int9"',
            'poc.engine is "int9"; it is one of auto, int8, bf16, fp16, fp32, numpy',
        ),
        (
            '[poc]\ngroups = [["gpu0"]]',
            'poc.groups names "gpu0"; a device is cpu or e.g. cuda:0',
        ),
        (
            "[poc]\ngroups = [[]]",
            "poc.groups has a group without devices; "
            'it is e.g. [["cuda:0"], ["cuda:1"]] or [["cpu"]]',
        ),
        (
            '[poc]\ngroups = [["cpu", "cuda:0"]]',
            "poc.groups joins cpu, cuda:0; a group is of GPUs or of the CPU",
        ),
        (
            '[poc]\ngroups = [["cuda:0"], ["cuda:1", "cuda:0"]]',
            'poc.groups names "cuda:0" twice; groups share nothing',
        ),
        (
            '[poc]\nengine = "bf16"\ngroups = [["cpu"]]',
            'poc.engine is "bf16", which runs on GPUs, not on cpu',
        ),
        (
            '[poc]\nengine = "numpy"\ngroups = [["cpu", "cpu"]]',
            'poc.engine is "numpy", which runs on a single CPU, not on cpu, cpu',
        ),
        ('[serving]\nengine = "vllm"', 'serving.engine is "vllm"; it is "transformers"'),
        (
            '[service]\nlisten = "9100"',
            'service.listen is "9100"; it is host:port, e.g. 127.0.0.1:9100',
        ),
        (
            '[service]\nlisten = "0.0.0.0:0"',
            'service.listen is "0.0.0.0:0", which others can reach; set service.token_file, '
            "or the three tls keys, or listen on 127.0.0.1",
        ),
        (
            '[service]\ntls_cert = "x"',
            "service.tls_cert, service.tls_key and service.tls_client_ca go together; "
            "give all three or none",
        ),
        (
            '[service]\nSTATE\nlisten = "127.0.0.1:0"\ntoken_file = "/nowhere"',
            "service.token_file /nowhere: No such file or directory",
        ),
        (
            '[service]\nSTATE\nlisten = "127.0.0.1:0"\ntoken_file = "/dev/null"',
            "service.token_file /dev/null holds no token; "
            "it is one line of at least 16 ASCII characters",
        ),
        (
            '[service]\nSTATE\nlisten = "127.0.0.1:0"\n'
            'tls_cert = "/nowhere"\ntls_key = "/nowhere"\ntls_client_ca = "/nowhere"',
            "service.tls_key /nowhere: No such file or directory",
        ),
        (
            '[service]\nlisten = "127.0.0.1:0"\nstate_dir = "/dev/null/state"',
            "service.state_dir /dev/null/state: Not a directory",
        ),
    ],
)
def test_a_wrong_configuration_is_refused_by_key(tmp_path: Path, text: str, words: str) -> None:
    assert refused(tmp_path, text) == words


@pytest.mark.parametrize("text", ["[poc]\nwindow = " + "9" * 5_000, "x = " + "[" * 5_000])
def test_what_the_parser_itself_cannot_take_is_no_toml(tmp_path: Path, text: str) -> None:
    assert refused(tmp_path, text).startswith("not TOML: ")


def test_a_metrics_port_in_use_is_refused_by_key(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        text = f'[service]\nSTATE\nlisten = "127.0.0.1:0"\nmetrics_listen = "{address}"'
        words = refused(tmp_path, text)
    assert words == f'service.metrics_listen is "{address}": Address already in use'


def test_files_that_are_no_certificates_are_refused_by_key(tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    text = (
        f'[service]\nSTATE\nlisten = "127.0.0.1:0"\n'
        f'tls_cert = "{junk}"\ntls_key = "{junk}"\ntls_client_ca = "{junk}"'
    )
    words = refused(tmp_path, text)
    assert words.startswith("service.tls_cert and service.tls_key are no PEM certificate")


def test_every_command_is_offered() -> None:
    help_ = CliRunner().invoke(app, ["--help"]).stdout
    for command in ("serve", "tiny-models", "bench", "poc", "doctor"):
        assert f" {command} " in help_


def test_an_unknown_command_and_an_unknown_option_are_refused() -> None:
    for arguments in (["sreve"], ["serve", "--confg", "x"], ["tiny-models"]):
        assert CliRunner().invoke(app, arguments).exit_code == 2
