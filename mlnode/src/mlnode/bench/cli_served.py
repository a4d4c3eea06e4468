"""The commands about the served kind, beside ``mlnode poc calibrate``."""

import asyncio
import math
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

_MODELS = "ninefold/trained-qwen3,ninefold/trained-llama"
_CACHE = Path(".cache/models")
ModelsDir = Annotated[Path, typer.Option(help="Folder with models as OWNER/NAME/COMMIT.")]
Models = Annotated[str, typer.Option(help="Ids of the models, with commas between.")]
Nonces = Annotated[int, typer.Option(help="Least nonces of a run.", min=1)]
Positions = Annotated[int, typer.Option(help="Positions of a nonce's input.", min=8, max=1024)]


def mount_served(poc_app: typer.Typer) -> None:
    """Adds ``train``, ``experiment`` and ``distribution``."""
    for command in (train, experiment, distribution):
        poc_app.command()(command)


def train(
    out: Annotated[Path, typer.Option(help="Folder to write OWNER/NAME/COMMIT into.")] = _CACHE,
    root: Annotated[Path, typer.Option(help="Checkout whose text is learnt.")] = Path(),
) -> None:
    """Train the two small models of the experiment, a few minutes each."""
    from mlnode.bench.trained import make_trained_models

    try:
        models = make_trained_models(out, root, say=typer.echo)
    except OSError as failure:
        _refuse(str(failure))
    for made in models:
        typer.echo(
            f"{made.repo}: {made.parameters / 1e6:.1f} million parameters, "
            f"{made.cross_entropy:.3f} nats a held-out byte, unigram {made.unigram:.3f}: "
            f"{made.folder}"
        )


def experiment(
    models: Models = _MODELS,
    models_dir: ModelsDir = _CACHE,
    duration: Annotated[float, typer.Option(help="Seconds of a run.", min=0)] = 80.0,
    r_target: Annotated[
        float, typer.Option(help="Radius; 0 takes the tenth percentile at block_alpha.", min=0)
    ] = 0.0,
    nonces: Nonces = 1_920,
    positions: Positions = 32,
    out: Annotated[Path, typer.Option(help="Folder for lines and logs.")] = Path("experiment"),
) -> None:
    """Prove through a real service: models × three block hashes × three hosts."""
    from mlnode.bench.calibrate import histogram
    from mlnode.bench.experiment import ExperimentError, Plan
    from mlnode.bench.experiment import experiment as run

    if not math.isfinite(duration):
        _refuse(f"--duration is {duration:g}; it is a number of seconds")
    plan = Plan(
        models_dir=models_dir.resolve(),
        models=_known(models, models_dir),
        duration=duration,
        nonces=nonces,
        positions=positions,
        r_target=r_target or None,
        out=out.resolve(),
    )
    try:
        came = asyncio.run(run(plan, typer.echo))
    except (ExperimentError, OSError) as failure:
        _refuse(str(failure))
    for (model, node, block), found_B in came.distances.items():
        typer.echo(f"{model} {node} {block}")
        for line in histogram(found_B).lines():
            typer.echo(line)
    for (model, node), points in came.spreads.items():
        typer.echo(f"spread  {points:6.2f} points  {model} {node}")
    typer.echo(f"lines and logs: {plan.out}")


def distribution(
    models: Models = _MODELS,
    models_dir: ModelsDir = _CACHE,
    weights: Annotated[
        str, typer.Option(help="trained, random, or random-embed (embedding and head).")
    ] = "trained",
    nonces: Nonces = 1_920,
    positions: Positions = 32,
    hosts: Annotated[int, typer.Option(help="Of node_A, node_B, node_C.", min=1, max=3)] = 3,
) -> None:
    """Print distances for each block hash under every measure, without a service."""
    import torch

    from mlnode.bench.spread import BLOCKS, NODES, TREATMENTS, WEIGHTS, spreads, with_weights
    from mlnode.poc.served.models import load_decoder, model_folder

    if weights not in WEIGHTS:
        _refuse(f"--weights is {weights!r}; it is {', '.join(WEIGHTS)}")
    for model_id in _known(models, models_dir):
        plain = load_decoder(model_folder(models_dir, model_id), torch.device("cpu"))
        model = with_weights(plain, weights)
        chosen = NODES[:hosts]
        found = spreads(model, nonces=nonces, positions=positions, nodes=chosen)
        for treatment in TREATMENTS:
            for node, row in zip(chosen, found[treatment], strict=True):
                where = f"{model_id} {weights} {treatment} {node}"
                typer.echo(f"{where}: spread {row.points:.2f} points, at most {row.largest:.2f}")
                for i, block in enumerate(BLOCKS):
                    typer.echo(
                        f"  {block:12} mean {row.means[i]:.4f}  std {row.deviations[i]:.4f}  "
                        f"p10 {row.tenths[i]:.4f}  valid {row.rates[i]:.4f}"
                    )


def _known(models: str, models_dir: Path) -> tuple[str, ...]:
    from mlnode.poc.errors import RoundError
    from mlnode.poc.served.models import model_folder

    names = tuple(name.strip() for name in models.split(","))
    for name in names:
        try:
            model_folder(models_dir, name)
        except RoundError as failure:
            _refuse(f"{failure}; `mlnode poc train` makes the usual ones")
    return names


def _refuse(text: str) -> NoReturn:
    typer.echo(f"mlnode: {text}", err=True)
    sys.exit(2)
