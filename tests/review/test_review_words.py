"""Keys, words, and the verb on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from shorthand import accept, decide, names, reject, wish

from fexdata.cli.review import command
from fexdata.errors import FexdataError
from fexdata.review.desk import Desk
from fexdata.review.keys import ACTIONS, load_keys, remapped
from fexdata.review.words import REASONS


def test_no_key_does_two_things() -> None:
    keys = [key for _, own in ACTIONS.values() for key in own if key != "0"]
    assert len(keys) == len(set(keys))


def test_reasons_have_the_keys_1_to_9() -> None:
    assert len(REASONS) == 9
    assert [remapped({}, "")[f"reject_{i}"] for i in range(1, 10)] == [[str(i)] for i in range(1, 10)]


def test_a_file_beside_the_dataset_changes_keys_and_takes_them_from_others(tmp_path: Path) -> None:
    (tmp_path / "review").mkdir()
    (tmp_path / "review" / "keys.yaml").write_text("accept: [j, Enter]\nreject_1: 7\n")
    keys = load_keys(str(tmp_path))
    assert keys["accept"] == ["j", "Enter"] and keys["turn_left"] == [] and keys["decide_rest"] == []
    assert keys["reject_1"] == ["7"] and keys["reject_7"] == []


@pytest.mark.parametrize(
    ("given", "told"),
    [({"acept": "a"}, "no action 'acept'"), ({"accept": "j", "reject": "j"}, "given to accept and to reject"),
     ({"accept": {"a": 1}}, "expected a key"), ({"accept": [""]}, "expected a key")],
)  # fmt: skip
def test_mistakes_in_the_file_are_told(given: dict[str, Any], told: str) -> None:
    with pytest.raises(FexdataError, match=told):
        remapped(given, "keys.yaml")


def test_a_file_that_is_no_yaml_is_told(tmp_path: Path) -> None:
    (tmp_path / "review").mkdir()
    (tmp_path / "review" / "keys.yaml").write_text("accept: [a")
    with pytest.raises(FexdataError, match="cannot be read"):
        load_keys(str(tmp_path))


# The verb


def run(*arguments: object) -> Any:
    return CliRunner().invoke(command, list(map(str, arguments)), catch_exceptions=False)


def test_stats_are_printed_for_people_and_machines(desk: Desk, dataset: Path) -> None:
    for _ in range(3):
        decide(desk, "anna", *map(reject, names(desk.next("anna", wish(order="random", count=3)))), order="random")
    text = run("stats", dataset).output
    assert "reviewer anna: 9 decisions (0 accept, 9 reject, 0 unsure)" in text
    assert "rule low_sharpness (rejected)" in text and "precision 1.00" in text
    found = json.loads(run("stats", dataset, "--json").output)
    assert found["reviewers"][0]["reject"] == 9


def test_decisions_travel_between_two_copies_of_a_dataset(
    desk: Desk, open_desk: Callable[..., Desk], dataset: Path, tmp_path: Path
) -> None:
    (name,) = names(desk.next("anna", wish()))
    decide(desk, "anna", accept(name))
    other = tmp_path / "other"
    other.mkdir()
    for part in ("manifest.parquet", "shards", "layers"):
        (other / part).symlink_to(dataset / part)
    assert run("export", dataset, tmp_path / "anna.parquet").output.endswith("1 rows\n")
    assert run("import", other, tmp_path / "anna.parquet").output == "1 rows added, 0 were there already\n"
    assert open_desk(path=other).item("ben", name)["in_force"]["decided_by"] == "anna"


def test_the_help_says_how_to_begin() -> None:
    text = run("--help").output
    assert "fexdata review photos --reviewer anna --reviewer ben" in text and "DATASET [OPTIONS] | export" in text
    assert "--double" in run("serve", "--help").output
