"""Which expression a face shows, learnt from labels; and what augmentation leaves as it is."""

import pytest
import torch
from gan_steps import train

from fexdata.errors import FexdataError
from fexdata.training.judges.augment import augmented
from fexdata.training.judges.classifier import Classifier, ClassifierConfig
from fexdata.training.method import Batch, DataInfo, Draw, Phase

CLASSES = ("neutral", "happy", "sad")
PHASE = Phase("learn", 40, critic_steps=0)


def made(**settings: object) -> Classifier:
    torch.manual_seed(0)
    config = ClassifierConfig(image_size=16, width=4, **settings)  # type: ignore[arg-type]
    return Classifier(config, DataInfo(16, 9, expressions=CLASSES, au_names=("AU12",), au_scheme="test"), {})


def faces() -> Batch:
    """Nine faces; the class is where the bright bar is."""
    label = torch.arange(9) % 3
    image = torch.full((9, 3, 16, 16), -0.5)
    for index, place in enumerate(label.tolist()):
        image[index, :, 5 * place : 5 * place + 5] = 0.5
    return {"image": image, "label": label, "au": label[:, None] / 2}


@pytest.mark.parametrize(("reads", "loss"), [("expression", "class"), ("au", "error")])
def test_it_learns_to_tell_them_apart(reads: str, loss: str) -> None:
    method, batch = made(reads=reads), faces()
    history = train(
        method, lambda draw: method.generator_step(batch, draw, PHASE), optimiser="network", steps=40, lr=3e-3
    )
    early, late = (sum(float(one[loss]) for one in part) for part in (history[:5], history[-5:]))
    assert late < 0.5 * early


def test_class_left_out_teaches_nothing() -> None:
    method, batch = made(leave_out=("sad",)), faces()
    assert method.judge().names == ("neutral", "happy")
    only_sad = {name: value[batch["label"] == 2] for name, value in batch.items()}
    method.generator_step(only_sad, Draw(0, 0), PHASE)["total"].backward()
    assert all(p.grad is None or float(p.grad.abs().sum()) == 0 for p in method.networks["head"].parameters())
    with pytest.raises(FexdataError, match="leave_out: no class bored"):
        made(leave_out=("bored",))


def test_reader_takes_pictures_of_any_size() -> None:
    reader = made().judge().eval()
    picture = torch.rand(1, 3, 1, 1).expand(-1, -1, 16, 16) * 2 - 1
    torch.testing.assert_close(reader(picture.repeat(1, 1, 3, 3)), reader(picture), atol=1e-4, rtol=1e-4)


def test_sheet_shows_every_face_and_where_the_answer_comes_from() -> None:
    method = made()
    method.networks.eval()
    sheet = method.sample_sheet(faces(), Draw(0, 0))
    assert sheet.shape == (9, 2, 3, 16, 16)
    assert float(sheet.min()) >= -1 and float(sheet.max()) <= 1


def test_augmented_faces_differ_from_each_other_and_repeat_with_the_draw() -> None:
    image = faces()["image"][:1].repeat(4, 1, 1, 1)
    changed = augmented(image, Draw(0, 3))
    torch.testing.assert_close(changed, augmented(image, Draw(0, 3)), atol=0, rtol=0)
    assert all(not torch.equal(changed[0], other) for other in changed[1:])
    assert float(changed.abs().max()) <= 1
