"""From a spec to a frozen network that knows what it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from fexdata.errors import FexdataError
from fexdata.training.judges.kinds import KINDS, Kind, Role
from fexdata.training.judges.weights import file_sha256, found_files, module_sha256, weight_folders
from fexdata.training.registry import canonical


@dataclass(frozen=True)
class About:
    """What a run and a result say of a network they asked."""

    spec: str
    """As the user named it."""
    kind: str
    """A known kind, or `embedder` or `classifier`."""
    role: Role
    sha256: str
    """Of the files (one after the other), or of a trained network's values."""
    licence: str

    @property
    def short(self) -> str:
        """The name under which results carry it: kind and the hash's beginning."""
        return f"{self.kind}:{self.sha256[:8]}"


class Judge(nn.Module):
    """A frozen network and what it is; called as its role says:

    - identity: `(image (B, 3, H, W) in [-1, 1], landmarks_68 (B, 68, 2)) -> (B, N)`
    - perceptual: `image -> [maps (B, C, h, w), ...]`
    - expression: `image -> (B, K)`: logits of `names`, or their values; see `Reader`
    """

    def __init__(self, network: nn.Module, about: About) -> None:
        super().__init__()
        self.network, self.about = network, about
        self.eval().requires_grad_(False)

    @property
    def sha256(self) -> str:
        return self.about.sha256

    def train(self, mode: bool = True) -> Judge:
        """Stays in evaluation mode, whoever asks."""
        return super().train(False)

    def forward(self, *inputs: Tensor) -> Any:
        return self.network(*inputs)


def load(spec: str, *, role: Role | None = None) -> Judge:
    """The frozen network of a spec (see the package), on the CPU.

    role: what it is wanted for, where that matters. Raises `FexdataError` for an unknown name, a
    missing or wrong file, a run that judges nothing, or another role.
    """
    name, equals, rest = str(spec).partition("=")
    kind = KINDS.get(name.lower())
    if kind is not None:
        judge = _of_kind(kind, str(spec), rest if equals else None)
    elif not equals and (Path(spec) / "run.json").exists():
        judge = _of_run(str(spec))
    else:
        raise FexdataError(
            f"unknown network {spec!r}; known: {', '.join(KINDS)}, KIND=FILE, or the folder of a run of "
            "`fexdata train embedder` or `classifier`"
        )
    if role is not None and judge.about.role != role:
        raise FexdataError(f"{spec} tells {judge.about.role}; a network for {role} is wanted here")
    return judge


def _of_kind(kind: Kind, spec: str, place: str | None) -> Judge:
    given, _, pinned = (place or "").partition("#")
    paths = _files(kind, Path(given) if given else None)
    sha256 = file_sha256(paths)
    # A known kind's own hash holds for the files under its own names; another file needs its own pin.
    wanted = pinned.lower() or (kind.sha256 if (paths[0].name,) in [alt[:1] for alt in kind.files] else None)
    if wanted and not sha256.startswith(wanted):
        raise FexdataError(f"{paths[0]} is not the {kind.name} that was meant: sha256 {sha256[:12]}, not {wanted}")
    return Judge(kind.open(paths), About(spec, kind.name, kind.role, sha256, kind.licence))


def _files(kind: Kind, place: Path | None) -> tuple[Path, ...]:
    """The kind's files: the given one, those in the given folder, or those in the weights folder."""
    if place is not None and place.is_file() and len(kind.files[0]) == 1:
        return (place,)
    folder = place.parent if place is not None and place.is_file() else place
    for names in kind.files:
        found = found_files(names, folder)
        if found is not None:
            return found
    wanted = " or ".join(" and ".join(alternative) for alternative in kind.files)
    where = str(place) if place is not None else " or ".join(map(str, weight_folders()))
    raise FexdataError(
        f"{kind.name}: no {wanted} in {where}; get it from {kind.source}, or name the file ({kind.name}=FILE), another "
        "network (`fexdata train embedder` makes one), or none"
    )


def _of_run(folder: str) -> Judge:
    from fexdata.training.run import Run, open_run

    name = canonical(Run(Path(folder)).settings()[0].method)
    if name not in ("embedder", "classifier"):
        raise FexdataError(f"{folder} is a run of {name}, which edits faces; a judge is an embedder or a classifier")
    method, record = open_run(folder)
    network: nn.Module = method.judge()  # type: ignore[attr-defined]
    role: Role = "identity" if name == "embedder" else "expression"
    licences = ", ".join(record.get("licences", [])) or "unknown"
    return Judge(network, About(folder, name, role, module_sha256(network), licences))
