"""The mesh of a face, and rows that have none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from meshes import real_landmarks
from pydantic import ValidationError

from fexdata.errors import Code, Failure
from fexdata.faces.landmarks import EYE_CORNERS_478, MIRROR_478
from fexdata.faces.mesh import triangle_normals
from fexdata.faces.topology import coarse_478
from fexdata.stages.base import Row
from fexdata.stages.reconstruct import Reconstruct


def run(*landmarks: np.ndarray, **settings: Any) -> list[Any]:
    stage = Reconstruct(Reconstruct.Config(**settings))
    rows = [Row(str(i), {"landmarks_478": points}, lambda: np.empty(0)) for i, points in enumerate(landmarks)]
    return list(stage.run(rows))


def test_the_mesh_is_the_landmarks_with_depth_from_the_eye_corners() -> None:
    points = real_landmarks().astype(np.float32)
    (out,) = run(points + np.array([0, 0, 70], np.float32))
    np.testing.assert_allclose(out["vertices"][:, :2], points[:, :2], atol=1e-3)
    np.testing.assert_allclose(np.diff(out["vertices"][:, 2]), np.diff(points[:, 2]), atol=2e-3)
    assert abs(out["vertices"][list(EYE_CORNERS_478), 2].mean()) < 1e-3
    assert (out["geometry"], out["camera"]) == ("coarse-478", "orthographic")


def test_the_mesh_of_a_real_face_shows_its_front_to_the_viewer() -> None:
    (out,) = run(real_landmarks())
    towards = triangle_normals(out["vertices"], coarse_478().triangles)[:, 2] < 0
    assert towards.mean() > 0.97
    assert out["vertices"][4, 2] < -20  # the tip of the nose is nearer than the eyes


def test_stored_numbers_are_rounded_to_thousandths() -> None:
    (out,) = run(real_landmarks() + 0.00037)
    vertices = out["vertices"].astype(np.float64)
    np.testing.assert_allclose(vertices * 1000, np.rint(vertices * 1000), atol=0.02)
    assert all(round(out[name], 3) == out[name] for name in ("yaw", "pitch", "roll"))


def test_a_flipped_face_has_the_flipped_mesh_and_angles() -> None:
    points = real_landmarks("45-m7-di-ph.jpg")
    plain, flipped = run(points, points[MIRROR_478] * [-1, 1, 1] + [255, 0, 0])
    np.testing.assert_allclose(flipped["vertices"], plain["vertices"][MIRROR_478] * [-1, 1, 1] + [255, 0, 0], atol=2e-3)
    assert [flipped[n] for n in ("yaw", "pitch", "roll")] == pytest.approx(
        [-plain["yaw"], plain["pitch"], -plain["roll"]], abs=2e-3
    )
    assert plain["yaw"] > 30 or plain["yaw"] < -30


def test_degenerate_meshes_are_poor_fits_and_spoil_no_other_row() -> None:
    good = real_landmarks()
    nan, inside_out = good.copy(), good * [-1, 1, 1]
    nan[7] = np.nan
    line = good * [1, 0, 0]
    *bad, fine = run(nan, np.zeros((478, 3)), line, good * 0.01, inside_out, good)
    assert [failure.code for failure in bad] == [Code.POOR_FIT] * 5
    assert all(isinstance(f, Failure) and f.stage == "reconstruct" and f.message for f in bad)
    assert fine["geometry"] == "coarse-478"


def test_the_columns_written_are_those_declared() -> None:
    schema = Reconstruct(Reconstruct.Config()).schema()
    (out,) = run(real_landmarks())
    assert schema.names == list(out) == ["geometry", "vertices", "yaw", "pitch", "roll", "camera"]
    assert schema.field("vertices").type.list_size == out["vertices"].size
    assert pa.types.is_float32(schema.field("yaw").type)


def test_the_files_behind_the_mesh_are_part_of_the_fingerprint() -> None:
    assert "canonical_face_tessellation.json" in Reconstruct(Reconstruct.Config()).weights()


@pytest.mark.parametrize("settings", [{"backend": "guess"}, {"max_flipped": 2}, {"min_aera": 3}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Reconstruct.Config(**settings)
