"""The networks that an evaluation asks, and the rule that none of them was a loss's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fexdata.errors import FexdataError
from fexdata.evaluation.pixels import eight_bit, unit
from fexdata.training.judges import Judge, load
from fexdata.training.judges.classifier import Reader
from fexdata.training.method import DataInfo

EMBEDDED = "mobileface"
"""Asked for identity where nobody names a network, if its weights are there and no loss used it."""


@dataclass(frozen=True)
class Judges:
    """Who judges what; None where nobody does."""

    identity: Judge | None = None
    classifier: Judge | None = None
    """Tells classes."""
    reader: Judge | None = None
    """Tells action units or coefficients, of the scheme that the method is told."""
    inception: nn.Module | None = None
    inception_name: str = ""
    missing: tuple[str, ...] = ()
    """What is not measured for want of a network, and how to get it."""

    def described(self) -> dict[str, dict[str, str]]:
        """What each is asked for -> its name and hash."""
        asked = {"identity": self.identity, "classifier": self.classifier, "reader": self.reader}
        found = {
            name: {"network": judge.about.short, "sha256": judge.sha256}
            for name, judge in asked.items()
            if judge is not None
        }
        return found | ({"inception": {"network": self.inception_name}} if self.inception is not None else {})

    def all(self) -> list[Judge]:
        return [judge for judge in (self.identity, self.classifier, self.reader) if judge is not None]

    def to(self, device: torch.device) -> Judges:
        for module in [*self.all(), *([self.inception] if self.inception is not None else [])]:
            module.to(device)
        return self


def open_judges(
    record: Mapping[str, Any], info: DataInfo, *, identity: str | None, expression: Sequence[str], inception: str | None
) -> Judges:
    """The named networks. Raises `FexdataError` for one that a loss of the run asked, or that tells
    numbers of another scheme."""
    used, missing = hashes_of_losses(record), []
    who: Judge | None = None
    if identity is not None:
        who = load(identity, role="identity")
    else:
        try:
            who = load(EMBEDDED)
        except FexdataError:
            missing.append(
                "identity: name a network (--identity mobileface=FOLDER, or a run of `fexdata train embedder`)"
            )
        if who is not None and who.sha256 in used:
            missing.append(f"identity: {EMBEDDED} was this run's own loss; name another network by --identity")
            who = None
    classifier, reader = None, None
    for spec in expression:
        judge = load(spec, role="expression")
        assert isinstance(judge.network, Reader)
        if judge.network.reads == "expression":
            classifier = judge
        else:
            check_scheme(judge, info)
            reader = judge
    if classifier is None:
        missing.append("expression rate, FID, KID, IS: `fexdata train classifier --data D`, then --expression RUN")
    if reader is None and (info.au_names or info.coefficient_names):
        column = "au" if info.au_names else "expression_params"
        missing.append(
            f"expression distance: `fexdata train classifier --data D --set reads={column}`, then --expression RUN"
        )
    judges = Judges(who, classifier, reader, *_inception(inception), missing=tuple(missing))
    for judge in judges.all():
        if judge.sha256 in used:
            raise FexdataError(
                f"{judge.about.spec} was this run's own loss ({used[judge.sha256]}); a network never judges what was "
                "trained to please it: name another"
            )
    return judges


def hashes_of_losses(record: Mapping[str, Any]) -> dict[str, str]:
    """sha256 -> role of every network that the run's losses asked."""
    found = {}
    for role, used in record.get("judges", {}).items():
        sha256 = used.get("sha256")
        if not sha256:
            raise FexdataError(f"run.json does not say which network its loss {role!r} asked; train again")
        found[sha256] = role
    return found


def check_scheme(judge: Judge, info: DataInfo) -> None:
    """Raises `FexdataError` unless a reader tells the numbers that the method is told."""
    theirs: DataInfo = judge.network.info  # type: ignore[assignment]
    for what in ("au_scheme", "au_names", "basis_id", "coefficient_names"):
        if getattr(theirs, what) != getattr(info, what):
            raise FexdataError(
                f"{judge.about.spec} reads {what} {getattr(theirs, what)!r}, this run is told {getattr(info, what)!r}"
            )


def read_by(judge: Judge, image: Tensor, info: DataInfo) -> Tensor:
    """What a reader tells of pictures, in the run's own units (B, K)."""
    told: Tensor = judge(image)
    network = judge.network
    assert isinstance(network, Reader)
    if network.reads == "expression_params":  # each divides by the standard deviation of its own training rows
        told = told * network.info.coefficient_sigma.to(told) / info.coefficient_sigma.to(told)
    return told


class Inception(nn.Module):
    """The Inception network that FID is defined by, as torch-fidelity opens it, resized as TensorFlow did.

    Pictures (B, 3, H, W) in [-1, 1] -> pool3 (B, 2048) and logits without bias (B, 1008).
    """

    def __init__(self, weights: Path) -> None:
        super().__init__()
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        wanted = ["2048", "logits_unbiased"]
        self.network = FeatureExtractorInceptionV3(
            "inception-v3-compat", wanted, feature_extractor_weights_path=str(weights)
        )
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        pool, logits = self.network(eight_bit(unit(image)).byte())
        return pool, logits


def _inception(path: str | None) -> tuple[nn.Module | None, str]:
    if path is None:
        return None, ""
    from fexdata.training.judges.weights import file_sha256

    if not Path(path).is_file():
        raise FexdataError(f"{path}: no such file; it is pt_inception-2015-12-05-6726825d.pth of torch-fidelity")
    try:
        return Inception(Path(path)), f"inception-v3:{file_sha256([Path(path)])[:8]}"
    except (ImportError, ModuleNotFoundError):
        raise FexdataError("Inception's features need torch-fidelity; pip install torch-fidelity") from None
