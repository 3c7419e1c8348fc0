"""What the learning of blendshapes starts from: neutral and expressive meshes of the same people, head movement taken
off, all in one frame.

Two sources: a folder of registered meshes (`registered`), and a built dataset's rows, whose meshes are MediaPipe's
points in crop pixels. The latter are laid over the embedded head, in its millimetres.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fexdata.errors import FexdataError
from fexdata.faces.blendshapes.learn import Blendshapes, component_names, learned_model
from fexdata.faces.blendshapes.registered import RegisteredMesh, read_registered, sessions
from fexdata.faces.blendshapes.still import without_head_motion
from fexdata.faces.canonical import VERTICES
from fexdata.faces.models.face_model import FaceModel

NEUTRAL = "neutral"
ROUNDS = 3
"""Of laying neutral faces over their mean."""


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """N pairs of meshes of V vertices."""

    neutral: np.ndarray
    """(N, V, 3) float64: of each expressive mesh's person."""
    expressive: np.ndarray
    """(N, V, 3) float64, head movement taken off."""
    triangles: np.ndarray
    """(T, 3) int32."""
    subjects: int


def gather_folder(folder: str | Path, *, start: Callable[[int], None], advance: Callable[[int], None]) -> Gathered:
    """The pairs of a folder of registered meshes, in its own unit, y up.

    start, advance: told how many meshes there are, and each that is read. Raises `FexdataError` as
    `registered.sessions` and `registered.read_registered`.
    """
    found = sessions(folder)
    start(sum(1 + len(one.expressive) for one in found))
    first: RegisteredMesh | None = None
    rest: list[np.ndarray] = []
    moved: list[tuple[int, np.ndarray]] = []
    for number, one in enumerate(found):
        mesh = read_registered(one.neutral, first)
        first = first or mesh
        rest.append(mesh.vertices)
        advance(1)
        for path in one.expressive:
            moved.append((number, read_registered(path, first).vertices))
            advance(1)
    assert first is not None
    neutral = _over_their_mean(np.stack(rest))[[number for number, _ in moved]]
    expressive = without_head_motion(neutral, np.stack([vertices for _, vertices in moved]))
    return Gathered(neutral, expressive, first.triangles, len({one.subject for one in found}))


def gather_rows(
    vertices: np.ndarray, subjects: Sequence[str | None], expressions: Sequence[str | None], yaw: np.ndarray
) -> Gathered:
    """The pairs of a dataset's n rows, on the embedded head's first 468 vertices, in its frame and millimetres.

    vertices: (n, 478, 3) crop pixels, z away; rows that are not finite are left out. yaw: (n,) degrees: of a person's
    neutral faces the one that is turned alike is taken, since MediaPipe's mesh of a turned face is another one.
    Raises `FexdataError` where no person has a neutral face and another.
    """
    from fexdata.faces.models.kept import embedded_head
    from fexdata.faces.topology import Label, coarse_478

    usable = [n for n in range(len(vertices)) if subjects[n] and expressions[n] and np.isfinite(vertices[n]).all()]
    neutrals: dict[str, list[int]] = {}
    for n in usable:
        if expressions[n] == NEUTRAL:
            neutrals.setdefault(str(subjects[n]), []).append(n)
    pairs = [
        (min(neutrals[str(subjects[n])], key=lambda one: abs(float(yaw[one] - yaw[n]))), n)
        for n in usable
        if expressions[n] != NEUTRAL and str(subjects[n]) in neutrals
    ]
    if not pairs:
        raise FexdataError(
            "no subject has both a neutral face and another expression, whose difference is learned from"
        )
    head = embedded_head().mean[:VERTICES].astype(np.float64)
    used = sorted({rest for rest, _ in pairs})
    from_mean = np.broadcast_to(head, (len(used), VERTICES, 3))
    laid = without_head_motion(from_mean, vertices[used, :VERTICES], scaled=True)
    neutral = laid[np.searchsorted(used, [rest for rest, _ in pairs])]
    expressive = without_head_motion(neutral, vertices[[n for _, n in pairs], :VERTICES], scaled=True)
    mesh = coarse_478()
    skin = mesh.triangles[mesh.labels == Label.SKIN]
    return Gathered(neutral, expressive, skin, len({subjects[n] for _, n in pairs}))


def model_of_folder(folder: str | Path, gathered: Gathered, learned: Blendshapes, name: str) -> FaceModel:
    """The components as a face model of the folder's own topology, with the landmarks that are listed beside it."""
    from fexdata.faces.models.assembly import Published, assemble, unit_of
    from fexdata.faces.models.landmark_files import landmarks_beside

    mean = gathered.neutral.mean(axis=0)
    return assemble(
        name,
        Published(
            mean=mean,
            triangles=gathered.triangles,
            identity=np.zeros((0, *mean.shape)),
            expression=learned.components,
            expression_names=component_names(len(learned.components)),
            signed=learned.signed,
            unit=unit_of(mean),
            licence="that of the meshes: their owner's",
            source=_source(gathered),
            landmarks_68=landmarks_beside(Path(folder), len(mean)),
        ),
    )


def model_of_rows(gathered: Gathered, learned: Blendshapes, name: str, licence: str) -> FaceModel:
    """The embedded head with the components, which are on its first 468 vertices, instead of its action units."""
    from dataclasses import replace

    from fexdata.faces.models.kept import embedded_head
    from fexdata.faces.models.transfer import over_head

    whole = replace(learned, components=over_head(learned.components))
    head = embedded_head()
    made = learned_model(head, whole, name=name, source=f"{_source(gathered)}; on {head.source}")
    return replace(made, licence=f"{licence}; {head.licence}", sha256="")


def _source(gathered: Gathered) -> str:
    return f"learned from {len(gathered.expressive):,} meshes of {gathered.subjects:,} people"


def _over_their_mean(neutral: np.ndarray) -> np.ndarray:
    """Neutral faces (n, V, 3) laid rigidly over their mean, which begins as the first of them."""
    laid, mean = neutral, neutral[0]
    for _ in range(ROUNDS if len(neutral) > 1 else 0):
        laid = without_head_motion(np.broadcast_to(mean, neutral.shape), neutral)
        mean = laid.mean(axis=0)
    return laid
