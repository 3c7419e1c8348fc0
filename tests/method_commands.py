"""fexdata's verbs as tests call them, and networks small enough that twenty steps take a second."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from fexdata.cli.train import command as train
from fexdata.training.registry import method_class

STEPS = 20
TINY = {"image_size": 32, "batch": 4, "width": 4, "blocks": 1, "critic_width": 4, "critic_layers": 3, "person": 8,
        "identity": "none", "perceptual": "none"}  # fmt: skip
RUN = {"workers": 0, "device": "cpu", "checkpoint_every": 1000, "sheet_every": 1000}


def run(command: object, *arguments: object) -> str:
    """Its standard output; it has to succeed."""
    result = CliRunner().invoke(command, [str(one) for one in arguments], catch_exceptions=False)  # type: ignore[arg-type]
    assert result.exit_code == 0 and result.return_value in (None, 0), result.output
    return result.stdout


def train_tiny(method: str, data: Path, pairs: Path, out: Path) -> None:
    """`STEPS` steps of a method on a dataset, with `pairs` where it needs them."""
    cls = method_class(method)
    tiny = {name: value for name, value in TINY.items() if name in cls.Config.model_fields}
    options = [word for name, value in (tiny | RUN).items() for word in ("--set", f"{name}={value}")]
    options += ["--pairs", str(pairs)] if cls.needs(cls.Config(**tiny)).pairs else []
    run(train, method, "--data", data, "--preset", "demo", "--steps", STEPS, "--out", out, *options)
    assert (out / "checkpoints" / f"{STEPS:08d}.safetensors").exists()
