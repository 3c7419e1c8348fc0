"""py-feat's own network with weights drawn at random: loading, names, batches, errors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fexdata.errors import FexdataError
from fexdata.faces.action_units.pyfeat import PyFeat
from fexdata.faces.action_units.schemes import PYFEAT

CONFIG = {
    "backbone": "convnextv2_atto", "n_au": 20, "n_emotion": 7, "use_head_v3": True, "afg_channels": 64,
    "mefl_channels": 64, "drop_mefl": True, "pretrained": False,
}  # fmt: skip


def save(path: Path, **changes: object) -> Path:
    """A checkpoint in py-feat's layout, drawn from a seed; its backbone is a smaller one of the same family."""
    import torch
    from feat.multitask.model_v2 import MEGraphAUv2, ModelV2Config
    from safetensors.torch import save_file

    config = {**CONFIG, **changes}
    torch.manual_seed(5)
    state = MEGraphAUv2(ModelV2Config(**config)).state_dict()
    save_file({name: one.contiguous() for name, one in state.items()}, path, {"config": json.dumps(config)})
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("pyfeat") / "face_multitask_v28.safetensors")


@pytest.fixture(scope="module")
def network(weights: Path) -> PyFeat:
    return PyFeat(weights)


def faces(count: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    rng = np.random.default_rng(3)
    pictures = [rng.integers(0, 256, (128, 128, 3)).astype(np.uint8) for _ in range(count)]
    return pictures, [rng.uniform(20, 110, (478, 3)) for _ in range(count)]


def test_a_batch_says_the_same_as_one_face_at_a_time(network: PyFeat) -> None:
    pictures, points = faces(3)
    together = network(pictures, points)
    assert together.shape == (3, len(PYFEAT.names)) and (together > 0).all() and (together < 1).all()
    alone = np.concatenate([network([one], [at]) for one, at in zip(pictures, points, strict=True)])
    np.testing.assert_allclose(together, alone, atol=1e-4)
    assert np.abs(together[0] - together[1]).max() > 1e-6, "the picture must matter"


def test_the_face_and_not_the_picture_is_what_the_network_sees(network: PyFeat) -> None:
    (picture,), (points,) = faces(1)
    changed = picture.copy()
    changed[:3, :3] = 255 - changed[:3, :3]  # outside the square about the face
    points = np.clip(points, 50, 80)
    np.testing.assert_array_equal(network([picture], [points]), network([changed], [points]))


def test_a_missing_file_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(FexdataError, match=r"is not there; get face_multitask_v28\.safetensors from https"):
        PyFeat(tmp_path / "none.safetensors")


def test_only_safetensors_are_opened(tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(b"anything")
    with pytest.raises(FexdataError, match=r"only \.safetensors"):
        PyFeat(tmp_path / "weights.pt")


def test_another_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.safetensors").write_bytes(b"\0" * 64)
    with pytest.raises(FexdataError, match="is not py-feat's multitask network"):
        PyFeat(tmp_path / "broken.safetensors")
    with pytest.raises(FexdataError, match="scores other action units than pyfeat20"):
        PyFeat(save(tmp_path / "older.safetensors", n_au=24))
