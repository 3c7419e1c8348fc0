"""A small dataset with rules, and a desk and a client on it, for the tests of the review."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dataset_made import make_dataset
from shorthand import by_sharpness, with_rules

from fexdata.review.desk import Desk


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty photographs; copied by `dataset`, because reviews write beside it."""
    folder = tmp_path_factory.mktemp("review")
    return make_dataset(folder, photographs=60, edit=by_sharpness, edit_metadata=with_rules)


@pytest.fixture
def dataset(built: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "made"
    for path in built.rglob("*"):
        if path.is_file():
            target = copy / path.relative_to(built)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.hardlink_to(path)
    return copy


@pytest.fixture
def open_desk(dataset: Path) -> Iterator[Callable[..., Desk]]:
    """Opens desks on the dataset: two reviewers, no double review and no plants unless asked for."""
    desks: list[Desk] = []

    def opened(**options: Any) -> Desk:
        settings = {"reviewers": ("anna", "ben"), "double": 0.0, "check_share": 0.0, **options}
        desks.append(Desk(str(settings.pop("path", dataset)), **settings))
        return desks[-1]

    yield opened
    for one in desks:
        one.log.close()


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Desk:
    return open_desk()
