"""Meshes that another tool made of the same photographs: found by name, and brought into the crop.

Every tool has its own file names and its own camera. `TOOLS` says for each how both are:

- `extreme3d` (Tran et al., Extreme 3D Face Reconstruction, CVPR 2018; github.com/anhttran/extreme_3d_faces):
  `3D/NAME_final_aligned.ply`. A pinhole camera over the tool's own 500 by 500 crop: focal length 1000
  pixels, principal point (250, 250); x right, y up, z towards the viewer, so that the face is at
  negative z. `imgs/NAME.pts`, which the tool writes too, has 68 landmarks on that crop.
- `3ddfa_v2` (Guo et al., Towards Fast, Accurate and Stable 3D Dense Face Alignment, ECCV 2020;
  github.com/cleardusk/3DDFA_V2): `NAME_ply.ply` or `NAME_obj.obj`. Pixels of the photograph with
  y = height - row and z towards the viewer; all faces of a photograph in one file.
- `deca` (Feng et al., Learning an Animatable Detailed 3D Face Model, SIGGRAPH 2021;
  github.com/yfeng95/DECA): `NAME/NAME_detail.obj` or `NAME/NAME.obj`. Its mesh has left the camera;
  `NAME/NAME.mat` (written with `--saveMat True`) has it, and 68 landmarks on the tool's crop.
- `photograph`: `NAME.obj` or `NAME.ply` of any other tool, once its vertices are pixels of the upright
  photograph, x right, y down, z away from the viewer.

Where a tool worked on a crop of its own, its landmarks and fexdata's, without the jaw line, say how the
two crops lie on each other. Whatever comes out has fexdata's frame: crop pixels, z zero at the eye
corners, triangles wound outwards.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from fexdata.errors import Code, FexdataError, RowError
from fexdata.faces.alignment import apply, similarity
from fexdata.faces.mesh_files import read_mesh, repeated_parts
from fexdata.storage import join, listing, read_photograph

FOCAL, PRINCIPAL = 1000.0, (250.0, 250.0)
"""Extreme3D's camera, pixels of its crop."""
EYE_CORNERS_68 = (36, 39, 42, 45)
_INNER_68 = slice(17, 68)
"""Brows, nose, eyes and mouth: where tools agree. On the jaw line they do not."""
_CELL = 2.0
"""Pixels: the grid on which the surface nearest to the viewer votes for a winding."""


@dataclass(frozen=True, slots=True, eq=False)
class ForeignMesh:
    """A mesh in crop pixels, with triangles of its own."""

    vertices: np.ndarray
    """(V, 3) float64; z zero at the mean of the four eye corners, growing away from the viewer."""
    triangles: np.ndarray
    """(T, 3) int32; outward normals of visible triangles have n_z < 0."""


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """What is known of the face that a mesh is wanted for."""

    crop_matrix: np.ndarray
    """(2, 3): photograph to crop."""
    landmarks_68: np.ndarray
    """(68, 2), crop pixels."""
    photo_height: int


Convert = Callable[[np.ndarray, Face, str], np.ndarray]
"""Vertices (V, 3) of a file, the face, the file's location -> vertices in crop pixels."""


@dataclass(frozen=True, slots=True)
class Tool:
    """How a tool names its files, and what its coordinates mean."""

    names: tuple[str, ...]
    """Paths with NAME for the photograph's name, the best first."""
    convert: Convert


def _extreme3d(vertices: np.ndarray, face: Face, location: str) -> np.ndarray:
    away = -vertices[:, 2]
    if not away.min() > 0:
        raise RowError(Code.POOR_FIT, "the mesh is not before Extreme3D's camera; only *_aligned.ply is")
    flat = FOCAL * vertices[:, :2] / away[:, None] * [1, -1] + PRINCIPAL
    middle = away.mean()
    on_crop = np.column_stack([flat, (away - middle) * FOCAL / middle])
    folder, _, file = location.rpartition("/")
    place = f"{folder.removesuffix('/3D')}/imgs/{file.removesuffix('_final_aligned.ply')}.pts"
    try:
        points = np.array(read_photograph(place).split(), dtype=np.float64).reshape(68, 2)
    except RowError as error:
        raise RowError(
            error.code, f"imgs/{os.path.basename(place)}: {error.message}; keep it with the meshes"
        ) from None
    except ValueError:
        raise RowError(Code.DECODE_ERROR, f"imgs/{os.path.basename(place)} does not hold 68 points") from None
    return apply(_between_crops(points, face), on_crop)


def _between_crops(points: np.ndarray, face: Face) -> np.ndarray:
    """(2, 3): a tool's crop onto fexdata's, by the 68 landmarks that the tool found."""
    return similarity(points[_INNER_68], face.landmarks_68[_INNER_68])


def _3ddfa(vertices: np.ndarray, face: Face, location: str) -> np.ndarray:
    x, y, z = vertices.T
    return apply(face.crop_matrix, np.column_stack([x, face.photo_height - y, -z]))


def _photograph(vertices: np.ndarray, face: Face, location: str) -> np.ndarray:
    return apply(face.crop_matrix, vertices)


def _deca(vertices: np.ndarray, face: Face, location: str) -> np.ndarray:
    """DECA's decoder puts its vertices `verts` (y up, z to the viewer) onto its own crop by
    x = s (X + t_x), y = -s (Y + t_y), z = -s Z, called `trans_verts`. s and t follow from the two; its
    `landmarks2d` lie on the same crop, so they tell where that is on ours."""
    from scipy.io import loadmat

    place = location.removesuffix(".obj").removesuffix("_detail") + ".mat"
    try:
        told = loadmat(io.BytesIO(read_photograph(place)))
        world, flat = (np.asarray(told[name], np.float64).reshape(-1, 3) for name in ("verts", "trans_verts"))
        points = np.asarray(told["landmarks2d"], np.float64).reshape(68, -1)[:, :2]
    except RowError as error:
        raise RowError(
            error.code, f"{os.path.basename(place)}: {error.message}; DECA writes it with --saveMat True"
        ) from None
    except Exception as error:  # loadmat raises whatever it stumbles over
        raise RowError(Code.DECODE_ERROR, f"{os.path.basename(place)} is not DECA's: {error}") from None
    turned = flat * [1, -1, -1]
    spread = world - world.mean(axis=0)
    scale = (spread * turned).sum() / (spread**2).sum()
    moved = scale * (vertices - world.mean(axis=0)) + turned.mean(axis=0)
    return apply(_between_crops(points, face), moved * [1, -1, -1])


TOOLS: Mapping[str, Tool] = {
    "extreme3d": Tool(("3D/NAME_final_aligned.ply", "NAME_final_aligned.ply"), _extreme3d),
    "3ddfa_v2": Tool(("NAME_ply.ply", "NAME_obj.obj"), _3ddfa),
    "deca": Tool(("NAME/NAME_detail.obj", "NAME/NAME.obj"), _deca),
    "photograph": Tool(("NAME.ply", "NAME.obj"), _photograph),
}


class MeshFolder:
    """A folder of meshes, listed once; folders of photographs may be repeated in it or left out.

    Raises `FexdataError` for an unknown tool and for a folder that cannot be listed or holds no mesh of
    that tool.
    """

    def __init__(self, root: str, tool: str) -> None:
        if tool not in TOOLS:
            raise FexdataError(f"no meshes of a tool {tool!r} are known; known: {', '.join(sorted(TOOLS))}")
        self.tool = TOOLS[tool]
        self._root = root
        self._files = {os.fsdecode(entry.key): entry for entry in listing(root) if not entry.is_folder}
        endings = tuple(name.rpartition("NAME")[2] for name in self.tool.names)
        if not any(file.endswith(endings) for file in self._files):
            raise FexdataError(f"{root} holds no mesh of {tool}; its files are called {' or '.join(self.tool.names)}")

    def stamps(self) -> list[tuple[str, int, int]]:
        """Path below the root, size and time of change of every file: what tells that one is new."""
        return sorted((path, entry.size, entry.mtime_ns) for path, entry in self._files.items())

    def find(self, source_path: str) -> str:
        """Where the mesh of a photograph is. source_path: the photograph's path in its corpus.

        In the folder of the same name first, else at the top. Raises `RowError` (missing).
        """
        folder, _, file = source_path.rpartition("/")
        name = file.rpartition(".")[0] or file
        for place in dict.fromkeys((folder, "")):
            for pattern in self.tool.names:
                path = "/".join(filter(None, (place, pattern.replace("NAME", name))))
                if path in self._files:
                    return join(self._root, path)
        raise RowError(Code.MISSING, f"there is no mesh {' or '.join(self.tool.names).replace('NAME', name)}")

    def mesh(self, source_path: str, face: Face) -> ForeignMesh:
        """The mesh of a face, in crop pixels.

        Raises `RowError`: missing, what `fexdata.faces.mesh_files.read_mesh` raises, or poor_fit where
        no mesh of the photograph lies on this face.
        """
        location = self.find(source_path)
        vertices, triangles = read_mesh(location)
        parts = repeated_parts(self.tool.convert(vertices, face, location), triangles)
        overlaps = [_overlap(part[:, :2], face.landmarks_68) for part, _ in parts]
        best = int(np.argmax(overlaps))
        if not overlaps[best] > 0.1:
            raise RowError(Code.POOR_FIT, "the mesh lies elsewhere in the photograph than the face")
        return _settled(*parts[best], face.landmarks_68)


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Common area of two point sets' boxes by the area that either covers."""
    low = np.stack([one.min(axis=0), other.min(axis=0)])
    high = np.stack([one.max(axis=0), other.max(axis=0)])
    common = np.clip(high.min(axis=0) - low.max(axis=0), 0, None).prod()
    return float(common / max((high - low).prod(axis=1).sum() - common, 1e-9))


def _settled(vertices: np.ndarray, triangles: np.ndarray, landmarks: np.ndarray) -> ForeignMesh:
    """The mesh wound outwards, its z zero at the surface below the four eye corners."""
    from fexdata.faces.mesh import triangle_normals  # brings numba: not before a mesh is there

    if _inside_out(vertices, triangles):
        triangles = np.ascontiguousarray(triangles[:, [0, 2, 1]])
    # Where eyes are holes, what is seen through them is the inside of the back of the head.
    shown = triangles[triangle_normals(vertices, triangles)[:, 2] < 0]
    if not len(shown):
        raise RowError(Code.POOR_FIT, "no triangle of the mesh faces the viewer")
    depth = np.mean([_surface(vertices, shown, landmarks[corner]) for corner in EYE_CORNERS_68])
    return ForeignMesh(vertices - [0, 0, depth], triangles)


def _inside_out(vertices: np.ndarray, triangles: np.ndarray) -> bool:
    """Whether most of what the viewer sees shows its back: in every cell of a grid the nearest triangle
    votes, so that the far side of a whole head has no say."""
    from fexdata.faces.mesh import triangle_normals  # brings numba: not before a mesh is there

    middles = vertices[triangles].mean(axis=1)
    cells = np.floor(middles[:, :2] / _CELL).astype(np.int64)
    order = np.lexsort((middles[:, 2], cells[:, 0], cells[:, 1]))
    new = np.ones(len(order), dtype=bool)
    new[1:] = (cells[order][1:] != cells[order][:-1]).any(axis=1)
    return bool(np.sign(triangle_normals(vertices, triangles[order[new]])[:, 2]).sum() > 0)


def _surface(vertices: np.ndarray, triangles: np.ndarray, point: np.ndarray) -> float:
    """z of the surface nearest to the viewer at one place of the crop; of the nearest vertex where the mesh has
    a hole there (Extreme3D's have, at the eyes). triangles: those that face the viewer."""
    a, b, c = (vertices[triangles[:, corner]] for corner in range(3))
    around = (np.minimum(np.minimum(a, b), c)[:, :2] <= point).all(axis=1)
    around &= (np.maximum(np.maximum(a, b), c)[:, :2] >= point).all(axis=1)
    a, b, c = a[around], b[around], c[around]
    whole, part_b, part_c = _cross(b - a, c - a), _cross(point - a[:, :2], c - a), _cross(b - a, point - a[:, :2])
    with np.errstate(divide="ignore", invalid="ignore"):
        wb, wc = part_b / whole, part_c / whole
    inside = (wb >= 0) & (wc >= 0) & (wb + wc <= 1)
    if inside.any():
        z = a[:, 2] + wb * (b - a)[:, 2] + wc * (c - a)[:, 2]
        return float(z[inside].min())
    rim = vertices[np.unique(triangles)]
    return float(rim[np.argmin(((rim[:, :2] - point) ** 2).sum(axis=1)), 2])


def _cross(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]
