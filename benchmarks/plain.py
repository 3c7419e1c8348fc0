"""What someone would write in an afternoon: MediaPipe, a crop, rays through a mesh, files.

The yardstick of `benchmarks.build`. It does the least that gives the same pictures: a 256-pixel
crop as JPEG (quality 95, 4:4:4), depth as 16-bit PNG, normals and mask as 8-bit PNG, and the
landmarks in one file. No small faces, no resume, no quality, no duplicates, no manifest.
"""

from __future__ import annotations

from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np

SIZE = 256
_tools: dict[str, Any] = {}


def _mesh_tools() -> dict[str, Any]:
    """MediaPipe and the triangles, once per process."""
    if not _tools:
        import mediapipe as mp

        from fexdata.faces.canonical import canonical_triangles

        cv2.setNumThreads(1)
        _tools["net"] = mp.solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True)
        _tools["triangles"] = canonical_triangles()
        centres = np.arange(SIZE, dtype=np.float64)
        grid = np.stack(np.meshgrid(centres, centres), -1).reshape(-1, 2)
        _tools["origins"] = np.column_stack([grid, np.full(len(grid), -1000.0)])
        _tools["directions"] = np.tile([0.0, 0.0, 1.0], (len(grid), 1))
    return _tools


def landmarks_of(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Decoding plus MediaPipe: the photograph and its 478 points in pixels, or None."""
    picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    found = _mesh_tools()["net"].process(picture).multi_face_landmarks
    if not found:
        return picture, None
    height, width = picture.shape[:2]
    points = np.array([(p.x, p.y, p.z) for p in found[0].landmark], np.float64)
    return picture, points * (width, height, width)


def only_landmarks(path: Path) -> bool:
    return landmarks_of(path)[1] is not None


def whole_row(job: tuple[Path, Path]) -> bool:
    """One photograph to its four pictures and its landmarks; False where no face was found."""
    path, out = job
    picture, points = landmarks_of(path)
    if points is None:
        return False
    crop, points = _crop(picture, points)
    depth, normal, mask = _rays(points)
    stem = str(out / path.stem)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    cv2.imwrite(stem + ".jpg", crop[..., ::-1], quality)
    cv2.imwrite(stem + "_depth.png", depth)
    cv2.imwrite(stem + "_normal.png", normal[..., ::-1])
    cv2.imwrite(stem + "_mask.png", mask)
    np.save(stem + ".npy", points.astype(np.float32))
    return True


def _crop(picture: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    side = 1.4 * (high - low).max()
    scale = SIZE / side
    corner = (low + high) / 2 - side / 2
    matrix = np.array([[scale, 0, -corner[0] * scale], [0, scale, -corner[1] * scale]])
    crop = cv2.warpAffine(picture, matrix, (SIZE, SIZE), flags=cv2.INTER_AREA)
    return crop, np.column_stack([(points[:, :2] - corner) * scale, points[:, 2] * scale])


def _rays(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    import trimesh
    from trimesh.ray.ray_pyembree import RayMeshIntersector

    tools = _mesh_tools()
    mesh = trimesh.Trimesh(points[:468], tools["triangles"], process=False)
    where, ray, triangle = RayMeshIntersector(mesh).intersects_location(
        tools["origins"], tools["directions"], multiple_hits=False
    )[0:3]
    corners = mesh.triangles[triangle]
    weights = trimesh.triangles.points_to_barycentric(corners, where)
    normals = np.einsum("nk,nkc->nc", weights, mesh.vertex_normals[mesh.faces[triangle]])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    depth = np.zeros(SIZE * SIZE, np.uint16)
    normal = np.zeros((SIZE * SIZE, 3), np.uint8)
    mask = np.zeros(SIZE * SIZE, np.uint8)
    depth[ray] = np.clip(np.rint(100 * (327.68 - where[:, 2])), 1, 65535)
    normal[ray] = np.rint((normals * (1, -1, -1) * 0.5 + 0.5) * 255)
    mask[ray] = 1
    return depth.reshape(SIZE, SIZE), normal.reshape(SIZE, SIZE, 3), mask.reshape(SIZE, SIZE)


def run_plain(paths: list[Path], out: Path, processes: int) -> int:
    """The plain script on all photographs; returns how many rows are complete."""
    out.mkdir(parents=True)
    with get_context("spawn").Pool(processes) as pool:
        return sum(pool.imap_unordered(whole_row, [(path, out) for path in paths], chunksize=8))


def run_landmarks(paths: list[Path], processes: int) -> int:
    """Decoding and MediaPipe alone."""
    with get_context("spawn").Pool(processes) as pool:
        return sum(pool.imap_unordered(only_landmarks, paths, chunksize=8))
