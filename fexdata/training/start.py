"""From settings to a run that trains: datasets opened and checked, networks built, the record written.

Everything that a person may have got wrong is found here, before the first step.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from fexdata.dataset.reader import open_dataset
from fexdata.errors import FexdataError
from fexdata.training.config import TrainConfig, changed
from fexdata.training.data import Split, TrainingData, check_pairs_like
from fexdata.training.loader import Faces
from fexdata.training.method import DataInfo, Judges, Method, MethodConfig, Needs
from fexdata.training.pairs import NothingLeft
from fexdata.training.registry import canonical, method_class
from fexdata.training.run import Run, info_to_json, last_run, new_run
from fexdata.training.trainer import Sources, Trainer, scheduled

if TYPE_CHECKING:
    from fexdata.training.judges import Judge

FREE = ("workers", "device", "log_every", "sheet_every", "checkpoint_every")
"""Settings that a resumed run may change: they decide nothing about its result."""
_FOLDER = "FEXDATA_RUN_FOLDER"
"""How the first process of a run on several devices tells the others where it lies."""


def train(
    settings: TrainConfig, config: MethodConfig, *, out: str | None = None, resume: bool = False, quiet: bool = False
) -> Run:
    """Trains a method to its end and returns its run.

    out: the run's folder; by default runs/<method>-<dataset>-<n>. resume: go on from the newest
    checkpoint of a run that `resumed` gave the settings of. Raises `FexdataError` for data that the
    method cannot train on, or that changed since the run began, and for a run that diverges.
    """
    run = _folder(settings, out, resume)
    sources, info = open_sources(settings, method_class(settings.method).needs(config))
    if config.mirror > 0:
        check_mirrors(info)
    judges = _judges(config)
    method = build(settings, config, info, judges)
    record = _record(settings, config, sources, info, method, judges)
    if resume:
        _check_same(run, record)
    fabric = _fabric(settings)
    if fabric.is_global_zero and not resume:
        run.write(record)
    fabric.barrier()
    trainer = Trainer(fabric, method, sources, settings, run)
    if resume:
        trainer.resume()
    trainer.train(quiet=quiet)
    return run


def resumed(
    method: str,
    *,
    data: str,
    out: str | None = None,
    preset: str | None = None,
    pairs: str | None = None,
    steps: int | None = None,
    sets: Sequence[str] = (),
) -> tuple[TrainConfig, MethodConfig]:
    """The settings of the run that `--resume` means. Whatever is given must be the run's own, apart
    from `FREE`; else `FexdataError` names the first that is not."""
    run = last_run(canonical(method), data, out)
    before = run.settings()
    options = {"preset": preset, "pairs": pairs, "steps": steps, "data": data, "method": canonical(method)}
    given = {name: value for name, value in options.items() if value is not None}
    now = changed(before, given, sets)
    for then, wanted in zip(before, now, strict=True):
        for name in type(then).model_fields:
            if name not in FREE and getattr(then, name) != getattr(wanted, name):
                raise FexdataError(
                    f"{run.folder} has {name} {getattr(then, name)!r}, not {getattr(wanted, name)!r}: a resumed run "
                    "keeps its settings; start a new one without --resume"
                )
    return now


def open_sources(settings: TrainConfig, needs: Needs) -> tuple[Sources, DataInfo]:
    """The training rows, the pairs where they are needed, and held-out rows for the sheets."""
    dataset = open_dataset(settings.data)
    single = TrainingData.of(dataset, needs)
    paired, from_pairs = None, dataset
    if needs.pairs:
        if settings.pairs is not None:
            from_pairs = open_dataset(settings.pairs)
        paired = TrainingData.of(from_pairs, needs, like=single.info, pairs=True)
        check_pairs_like(single, paired)
    elif settings.pairs is not None:
        raise FexdataError(f"--pairs {settings.pairs}: {settings.method} does not read pairs; leave it out")
    info = replace(single.info, pairs=len(paired) if paired is not None else 0)
    held_out = paired or single
    try:
        split: Split = "val"
        held_out = TrainingData.of(from_pairs, needs, split=split, like=single.info, pairs=paired is not None)
    except NothingLeft:
        pass  # no validation rows, or none with a partner: the sheets show training faces
    for data in (single, paired):
        if data is not None:  # a picture or a mirror rule that is amiss is found now
            Faces(data)[np.array([[0, 0, 1]])]
    return Sources(single, paired, held_out), info


def check_mirrors(info: DataInfo) -> None:
    """Raises `FexdataError` for learned components: they lie on one side of the face, and none is another's mirror."""
    if any(name.startswith("component_") for name in info.coefficient_names):
        raise FexdataError(
            f"{info.coefficient_names[0]} and the others of {info.basis_id} were learned and have no left and right: "
            "flipped faces would have wrong coefficients; train with --set mirror=0"
        )


def build(settings: TrainConfig, config: MethodConfig, info: DataInfo, judges: Judges) -> Method:
    """The method, whose first weights depend on the seed alone."""
    torch.manual_seed(settings.seed)
    return method_class(settings.method)(config, info, judges)


def _judges(config: MethodConfig) -> dict[str, Judge]:
    """The networks that the method's losses ask, by role."""
    wanted = config.judges()
    if not wanted:
        return {}
    from fexdata.training.judges import load

    return {role: load(spec, role=cast(Any, role)) for role, spec in wanted.items()}


def _folder(settings: TrainConfig, out: str | None, resume: bool) -> Run:
    """Where the run lies, decided once, by the process that starts the others."""
    if int(os.environ.get("LOCAL_RANK", "0")) > 0:
        return Run(Path(os.environ[_FOLDER]))
    run = last_run(settings.method, settings.data, out) if resume else new_run(settings.method, settings.data, out)
    os.environ[_FOLDER] = str(run.folder)
    return run


def _fabric(settings: TrainConfig) -> Any:
    from lightning.fabric import Fabric

    if settings.device == "cuda" and torch.cuda.device_count() < settings.devices:
        raise FexdataError(
            f"{settings.devices} CUDA devices wanted, {torch.cuda.device_count()} here; `fexdata doctor`"
        )
    fabric = Fabric(
        accelerator=settings.device,
        devices=settings.devices,
        strategy="ddp" if settings.devices > 1 else "auto",
        precision="bf16-mixed" if settings.precision == "bf16" else "32-true",
    )
    fabric.launch()
    return fabric


def _record(
    settings: TrainConfig,
    config: MethodConfig,
    sources: Sources,
    info: DataInfo,
    method: Method,
    judges: Mapping[str, Judge],
) -> dict[str, Any]:
    """run.json: everything that decides the result, and under which terms."""
    used = {"data": sources.single, **({"pairs": sources.paired} if sources.paired is not None else {})}
    datasets = {
        role: {
            "name": data.dataset.name,
            "fingerprint": data.fingerprint(),
            "build": data.dataset.metadata.get("fingerprint"),
            "rows": len(data),
            "licences": data.dataset.metadata["licences"],
            "recipe": data.dataset.metadata.get("recipe"),
        }
        for role, data in used.items()
    }
    phases = scheduled(method.phases(), settings.steps)
    return {
        "train": settings.model_dump(mode="json"),
        "method": config.model_dump(mode="json"),
        "paper": method.paper,
        "phases": [
            {"name": p.name, "iterations": p.iterations, "critic_steps": p.critic_steps, "pairs": p.pairs}
            for p in phases
        ],
        "judges": {role: asdict(judge.about) for role, judge in judges.items()},
        "datasets": datasets,
        "licences": sorted(
            {tag for one in datasets.values() for tag in one["licences"]}
            | {judge.about.licence for judge in judges.values()}
        ),
        "info": info_to_json(info),
        "parameters": {name: sum(p.numel() for p in net.parameters()) for name, net in method.networks.items()},
        "versions": {"fexdata": version("fexdata"), "torch": torch.__version__, "python": platform.python_version()},
    }


def _check_same(run: Run, record: dict[str, Any]) -> None:
    """A resumed run is the same run: numbers of the same meaning, of the same rows."""
    before = run.read()
    for name, now in record["info"].items():
        then = before["info"].get(name)
        if then != json.loads(json.dumps(now)):
            raise FexdataError(
                f"{run.folder} was trained with {name} {then!r}; the data now has {now!r}; start a new run"
            )
    for role, facts in record["datasets"].items():
        then = before["datasets"].get(role, {})
        if then.get("fingerprint") != facts["fingerprint"]:
            raise FexdataError(
                f"{facts['name']} changed since {run.folder} began ({then.get('rows', 0):,} rows then, "
                f"{facts['rows']:,} now, or other numbers); start a new run"
            )
