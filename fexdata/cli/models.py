"""`fexdata models`."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from fexdata.cli.models_learn import learn


@dataclass(frozen=True, slots=True)
class Listed:
    """One thing that others made and fexdata uses, or could."""

    what: str
    """`face model`, `detector` or `network`."""
    name: str
    """By which every option calls it."""
    installed: bool
    licence: str
    sha256: str | None = None
    """Of its file; of an imported face model its content's, as in `basis_id`. None without a file."""
    path: str | None = None
    how: tuple[str, ...] = ()
    """What is wrong or missing and where to get it, in lines; empty where all is well."""


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> int:
    """Face models, detectors and weights: installed, licence, hash.

    \b
    fexdata models
    fexdata models import flame /data/FLAME2023 --name flame2023
    fexdata models learn rafd-d --components 30 --name rafd-30
    """
    if context.invoked_subcommand is not None:
        return 0
    found = [*face_models(), *detectors(), *networks()]
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(one) for one in found], indent=1))
        return 0
    for what in dict.fromkeys(one.what for one in found):
        click.echo(f"{what}s")
        for one in (one for one in found if one.what == what):
            mark = "installed" if one.installed else "missing"
            click.echo(f"  {mark:<9}  {one.name:<22} {(one.sha256 or '')[:12]:<12}  {one.licence}")
            for line in filter(None, (one.path, *one.how)):
                click.echo(f"             {line}")
    return 0


@command.command("import")
@click.argument("kind")
@click.argument("path")
@click.option("--name", help="What to call it. Default: the kind's name.")
def import_(kind: str, path: str, name: str | None) -> int:
    """Convert a publisher's face model to fexdata's format.

    KIND is one of ict, basel2009, basel2017 (also 2019), flame, surrey, lsfm, 4dfab, lrw3d; PATH its
    file, or the folder with it and what belongs to it (docs/models/formats.md). The converted model
    keeps its licence.

    \b
    fexdata models import surrey ~/eos/share
    fexdata models import basel2017 model2019_bfm.h5 --name basel2019
    """
    from fexdata.faces.models import face_model, registry

    target = registry.import_model(kind.lower(), path, name=name)
    model = face_model.load(target)
    points = 0 if model.landmarks_68 is None else int(model.landmarks_68.known.sum())
    click.echo(
        f"{target.stem}: {len(model.mean):,} vertices, {len(model.identity_names)} of identity, "
        f"{len(model.expression_names)} of expression, {points} of 68 landmarks; {model.licence}",
        err=True,
    )
    click.echo(target)
    return 0


command.add_command(learn)


def face_models() -> Iterator[Listed]:
    """Those that come with fexdata, those that the user has, and the kinds that could be imported."""
    from fexdata.errors import FexdataError
    from fexdata.faces import canonical
    from fexdata.faces.models import pyfeat_aus, registry
    from fexdata.faces.models.face_model import read_header
    from fexdata.faces.models.kinds import KINDS

    for name, file, licence in (
        ("fexdata-head", "canonical_face_model.pt", "Apache-2.0"),
        ("pyfeat-aus", pyfeat_aus.FILE, pyfeat_aus.LICENCE),
    ):
        try:
            path = canonical.resource(file)
            yield Listed("face model", name, True, licence, _sha256(path), str(path))
        except FexdataError as error:
            yield Listed("face model", name, False, licence, how=(str(error),))
    kinds = set()
    for name, path in registry.imported().items():
        if path.is_dir():
            kinds.add("ict")
            archive = path / "ict_facekit_light.npz"
            hashed = _sha256(archive) if archive.is_file() else None
            yield Listed("face model", name, True, KINDS["ict"].licence, hashed, str(path))
            continue
        try:
            header = read_header(path)
            kinds.add(header.get("kind", ""))
            yield Listed("face model", name, True, header["licence"], header["sha256"], str(path))
        except FexdataError as error:
            yield Listed("face model", name, False, "", path=str(path), how=(str(error),))
    for kind in KINDS.values():
        if kind.name not in kinds:
            how = (f"needs {kind.files}", f"from {kind.source}", f"then fexdata models import {kind.name} PATH")
            yield Listed("face model", kind.name, False, kind.licence, how=how)


def detectors() -> Iterator[Listed]:
    """MediaPipe's networks, which come in its wheel."""
    from fexdata.faces.mediapipe_graphs import MODELS

    found = importlib.util.find_spec("mediapipe")
    folders = list(found.submodule_search_locations or ()) if found else []
    for name, part in MODELS.items():
        path = Path(*folders[:1], "modules", part)
        if path.is_file():
            yield Listed("detector", name, True, "Apache-2.0", _sha256(path), str(path))
        else:
            how = ("pip install mediapipe==0.10.21 (its wheel carries the networks)",)
            yield Listed("detector", name, False, "Apache-2.0", how=how)


def networks() -> Iterator[Listed]:
    """Networks that judge (`fexdata.training.judges`), their files in the `weights` folder."""
    from fexdata.training.judges.kinds import KINDS
    from fexdata.training.judges.weights import file_sha256, found_files, weight_folders

    folders = " or ".join(map(str, weight_folders()))
    for kind in KINDS.values():
        paths = next((found for names in kind.files if (found := found_files(names)) is not None), None)
        wanted = " or ".join(" and ".join(alternative) for alternative in kind.files)
        how: tuple[str, ...] = (f"needs {wanted} in {folders}", f"from {kind.source}")
        if paths is None:
            yield Listed("network", kind.name, False, kind.licence, how=how)
            continue
        sha256 = file_sha256(paths)
        fits = sha256.startswith(kind.sha256 or "")
        how = () if fits else (f"another file: its sha256 should begin with {kind.sha256}", *how)
        yield Listed("network", kind.name, fits, kind.licence, sha256, ", ".join(map(str, paths)), how)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
