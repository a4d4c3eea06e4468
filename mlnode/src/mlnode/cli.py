"""The command line of the compute server."""

import asyncio
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from mlnode.bench.cli import mount, poc_app
from mlnode.bench.cli_served import mount_served
from mlnode.service.config import ConfigError, load_config
from mlnode.service.errors import StateError

app = typer.Typer(
    help="Proves compute in rounds and serves models between them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def main() -> None:
    """Proves compute in rounds and serves models between them."""


@app.command()
def serve(
    config: Annotated[Path, typer.Option(help="Configuration file, TOML.")] = Path("mlnode.toml"),
) -> None:
    """Run the server until Ctrl-C."""
    from mlnode.service.server import serve as run

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        asyncio.run(run(load_config(config)))
    except (ConfigError, StateError) as err:
        _refuse(err)


@app.command("tiny-models")
def tiny_models(
    out: Annotated[Path, typer.Option(help="Folder to write OWNER/NAME/COMMIT into.")],
) -> None:
    """Make tiny decoders for a local network."""
    from mlnode.serving.tiny import make_tiny_models

    for folder in make_tiny_models(out):
        typer.echo(folder)


mount(app)
mount_served(poc_app)


def _refuse(err: Exception) -> None:
    typer.echo(f"mlnode: {err}", err=True)
    sys.exit(2)
