"""How a method is told the expression."""

import pytest
import torch
from torch import Tensor

from fexdata.errors import FexdataError
from fexdata.evaluation.conditions import between, kind_of, labelled, neutral, with_sliders
from fexdata.training.method import DataInfo
from fexdata.training.registry import METHODS, method_class

INFO = DataInfo(
    16, 4,
    expressions=("neutral", "happy"),
    au_names=("AU01", "AU12", "AU12_left", "AU06_r"),
    coefficient_names=("jawOpen", "smile_left", "smile_right", "pca_3"),
    coefficient_sigma=torch.tensor([0.5, 0.25, 0.25, 7.0]),
    coefficient_signed=(False, False, False, True),
)  # fmt: skip


class Plain:
    """A method that is told the numbers themselves."""

    name = "plain"


def au(**sets: float) -> list[float]:
    return with_sliders("au", INFO, {"au": torch.full((1, 4), 0.1)}, sets)["au"][0].tolist()


def params(**sets: float) -> list[float]:
    found: Tensor = with_sliders("params", INFO, {"params": torch.zeros(1, 4)}, sets)["params"]
    return found[0].tolist()


@pytest.mark.parametrize(
    ("name", "kind"),
    [("slidergan", "params"), ("defgan", "au"), ("ganimation", "au"), ("fine-grained", "au"), ("gcgan", "landmarks_68"),
     ("spg", "landmarks_68"), ("cdaae", "label"), ("stargan", "label"), ("dense-geometry", "label")],
)  # fmt: skip
def test_every_method_is_told_in_its_papers_way(name: str, kind: str) -> None:
    method = method_class(name)
    assert kind_of(method, method.Config()) == kind
    assert set(METHODS) >= {name}


def test_judge_edits_nothing() -> None:
    embedder = method_class("embedder")
    with pytest.raises(FexdataError, match="does not edit"):
        kind_of(embedder, embedder.Config())


def test_slider_sets_one_action_unit_and_leaves_the_others() -> None:
    assert au(AU1=0.8) == pytest.approx([0.8, 0.1, 0.1, 0.1])
    assert au(au06=1.5) == pytest.approx([0.1, 0.1, 0.1, 1.5])
    assert au(AU12=0.5) == pytest.approx([0.1, 0.5, 0.1, 0.1])


def test_one_sided_coefficient_counts_in_its_own_unit_and_signed_one_in_deviations() -> None:
    assert params(jawOpen=1.0) == pytest.approx([2, 0, 0, 0])
    assert params(pca_3=-1.0) == pytest.approx([0, 0, 0, -1])


def test_both_sides_are_set_by_their_common_name() -> None:
    assert params(smile=0.5) == pytest.approx([0, 2, 2, 0])
    assert params(smile_left=0.5) == pytest.approx([0, 2, 0, 0])


def test_wrong_sliders_are_told() -> None:
    with pytest.raises(FexdataError, match="goes one way only"):
        params(jawOpen=-0.2)
    with pytest.raises(FexdataError, match="no slider 'AU99'; there are: AU01"):
        au(AU99=1)
    with pytest.raises(FexdataError, match=r"discrete expressions.*--expression"):
        with_sliders("label", INFO, {}, {"AU1": 1})


def test_neutral_is_nothing_at_all_or_the_class() -> None:
    assert neutral("au", INFO, 2)["au"].tolist() == [[0] * 4] * 2
    assert neutral("label", INFO, 2)["label"].tolist() == [0, 0]
    with pytest.raises(FexdataError, match="landmarks have no neutral"):
        neutral("landmarks_68", INFO, 1)
    with pytest.raises(FexdataError, match="it knows: neutral, happy"):
        labelled(INFO, "fear", 1)


def test_between_two_expressions_and_beyond() -> None:
    source, target = {"au": torch.tensor([[0.0, 1.0]])}, {"au": torch.tensor([[1.0, 0.5]])}
    found = between(Plain(), source, target, 1.5)  # type: ignore[arg-type]
    torch.testing.assert_close(found["au"], torch.tensor([[1.5, 0.25]]))


def test_between_two_classes_there_is_nothing() -> None:
    with pytest.raises(FexdataError, match="nothing between"):
        between(Plain(), {}, {"label": torch.tensor([1])}, 0.5)  # type: ignore[arg-type]
