"""Plans: which pictures a corpus has; and that each corpus's own reader sees in them what was planned."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import get_args

import pytest
from synthetic_stub import take

from fexdata.corpora.base import EXPRESSIONS
from fexdata.corpora.registry import corpus
from fexdata.errors import FexdataError
from fexdata.synthetic import corpus as making
from fexdata.synthetic.backgrounds import BACKGROUNDS
from fexdata.synthetic.camera import Rig
from fexdata.synthetic.layouts import LAYOUTS
from fexdata.synthetic.lighting import LIGHT_KINDS
from fexdata.synthetic.plan import Planned, plan

NAMES = sorted(LAYOUTS)


def _plan(name: str, people: int, images: int, seed: int = 0) -> list[Planned]:
    return plan(name, people=people, images=images, seed=seed)


@pytest.mark.parametrize("name", NAMES)
def test_the_layouts_reader_finds_every_planned_file_with_its_labels(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "_run", lambda tasks, workers, advance: [making._do(task) for task in tasks])
    out = tmp_path / "corpus"
    making.synthesise(name, str(out), people=3, images=14, seed=4, size=96, take=take)
    found = {one.key.decode(): one for one in corpus(LAYOUTS[name].corpus).read(str(out))}
    planned = {one.path: one for one in plan(name, people=3, images=14, seed=4, size=96)}
    assert found.keys() == planned.keys()
    for path, one in planned.items():
        read = found[path]
        labels = {key: value for key, value in read.labels.items() if key != "facs"}
        assert labels == one.labels
        assert (read.frame, read.split, read.upside_down) == (one.frame, one.split, one.upside_down)


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_is_a_function_of_its_arguments_and_a_seed_changes_the_people(name: str) -> None:
    one, same, other = _plan(name, 3, 20), _plan(name, 3, 20), _plan(name, 3, 20, seed=1)
    assert one == same
    assert len({planned.path for planned in one}) == len(one)
    people = [{planned.shot.person for planned in made} for made in (one, other)]
    assert len(people[0]) == len(people[1]) == 3 and not people[0] & people[1]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_shot_names_is_known_to_who_draws_it(name: str) -> None:
    for one in _plan(name, 3, 90):
        assert one.shot.camera in (None, *get_args(Rig))
        assert one.shot.light in (None, *LIGHT_KINDS)
        assert one.shot.background in (None, *BACKGROUNDS)
        assert one.shot.category in (None, *EXPRESSIONS)


def test_people_of_two_layouts_are_different_people() -> None:
    people = [{planned.shot.person for planned in _plan(name, 4, 16)} for name in NAMES]
    assert len(set().union(*people)) == 4 * len(NAMES)


@pytest.mark.parametrize("name", ["folder", "affectnet", "affectnet-2021", "rafd", "multipie"])
@pytest.mark.parametrize(("people", "images"), [(1, 1), (3, 17), (20, 7)])
def test_as_many_pictures_as_asked_for_spread_evenly(name: str, people: int, images: int) -> None:
    counts = Counter(planned.shot.person for planned in _plan(name, people, images))
    assert counts.total() == images and len(counts) == min(people, images)
    assert max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize("name", ["affectnet", "affectnet-2021", "rafd"])
@pytest.mark.parametrize(("people", "images"), [(8, 64), (5, 67), (64, 64)])
def test_the_eight_classes_are_balanced(name: str, people: int, images: int) -> None:
    counts = Counter(planned.labels["expression"] for planned in _plan(name, people, images))
    assert set(counts) == set(EXPRESSIONS)
    assert max(counts.values()) - min(counts.values()) <= (1 if name != "rafd" else people)


def test_affectnets_people_are_on_one_side_and_affect_follows_the_class() -> None:
    planned = _plan("affectnet", 25, 400)
    sides: dict[int, set[str | None]] = {}
    for one in planned:
        sides.setdefault(one.shot.person, set()).add(one.split)
    assert {len(side) for side in sides.values()} == {1}
    assert Counter(one.split for one in planned)["val"] == 3 * 16
    happy, sad, fear = (
        [one.labels for one in planned if one.labels["expression"] == name] for name in ("happy", "sad", "fear")
    )
    assert min(labels["valence"] for labels in happy) > 0 > max(labels["valence"] for labels in sad)
    assert min(labels["arousal"] for labels in fear) > max(labels["arousal"] for labels in sad)


def test_affectnets_poses_are_those_of_the_web() -> None:
    yaws = [one.shot.yaw for one in _plan("affectnet", 50, 800)]
    assert min(yaws) < -35 and max(yaws) > 35 and max(map(abs, yaws)) <= 45
    assert 0.6 < sum(abs(yaw) < 20 for yaw in yaws) / len(yaws) < 0.9


def test_rafds_cameras_see_one_moment_each_from_its_side() -> None:
    planned = _plan("rafd", 1, 120)
    assert Counter(one.labels["camera_angle"] for one in planned) == dict.fromkeys((-90, -45, 0, 45, 90), 24)
    moments: dict[tuple[str, str], set[object]] = {}
    for one in planned:
        assert one.shot.yaw == one.labels["camera_angle"]
        moments.setdefault((one.labels["corpus_label"], one.labels["gaze"]), set()).add(one.shot.expression)
    assert len(moments) == 24 and all(len(expressions) == 1 for expressions in moments.values())
    left, right = ([one.shot.gaze[0] for one in planned if one.labels["gaze"] == side] for side in ("left", "right"))
    assert min(left) > 0 > max(right)


def test_ckplus_goes_from_neutral_to_its_peak_before_one_camera() -> None:
    planned = _plan("ckplus", 2, 41)
    assert len(planned) == 41
    sequences: dict[str, list[Planned]] = {}
    for one in planned:
        sequences.setdefault(one.labels["sequence"], []).append(one)
    for frames in sequences.values():
        strengths = [sum(left + right for _, left, right in one.shot.expression.units) for one in frames]
        assert strengths[0] == 0 and strengths == sorted(strengths) and strengths[-1] > 2
        assert len({(one.shot.seed, one.shot.person) for one in frames}) == 1 and 2 <= len(frames) <= 10


def test_partners_of_a_pair_share_everything_but_the_expression() -> None:
    planned = _plan("pairs", 5, 60)
    kinds: Counter[bool] = Counter()
    for first, second in zip(planned[::2], planned[1::2], strict=True):
        assert first.labels["pair_group"] == second.labels["pair_group"]
        assert first.shot.expression != second.shot.expression and first.shot.category != second.shot.category
        for name in (
            "person",
            "size",
            "seed",
            "model",
            "yaw",
            "pitch",
            "roll",
            "gaze",
            "camera",
            "light",
            "background",
        ):
            assert getattr(first.shot, name) == getattr(second.shot, name)
        assert second.labels["expression"] != "neutral"
        kinds[first.labels["expression"] == "neutral"] += 1
    assert kinds[True] == kinds[False] == 15


def test_an_odd_number_of_pictures_is_completed_to_pairs() -> None:
    counts = Counter(one.labels["pair_group"] for one in _plan("pairs", 2, 7))
    assert set(counts.values()) == {2} and len(counts) == 4


def test_multipies_pictures_of_one_camera_and_light_can_be_paired() -> None:
    planned = _plan("multipie", 2, 48)
    views = Counter((one.labels["subject"], one.labels["camera_angle"], one.labels["illumination"]) for one in planned)
    assert set(views.values()) == {6}
    lights: dict[object, set[int]] = {}
    for one in planned:
        lights.setdefault((one.labels["camera_angle"], one.labels["illumination"]), set()).add(one.shot.seed)
    assert all(len(seeds) == 1 for seeds in lights.values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rafd", 0, 8), "synth rafd: 0 people: expected at least 1"),
        (("rafd", 1, 0), "synth rafd: 0 images: expected at least 1"),
        (("rafd", 1, 121), "121 pictures a person: RaFD has 120"),
        (("faces", 1, 1), "unknown layout 'faces'; known: folder, affectnet, affectnet-2021, rafd, ckplus"),
    ],
)
def test_numbers_that_make_no_corpus_are_one_line(arguments: tuple[str, int, int], message: str) -> None:
    with pytest.raises(FexdataError, match=message):
        _plan(*arguments)
