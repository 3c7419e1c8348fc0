from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import ValidationError

from fexdata.dataset.card import load_card
from fexdata.dataset.names import shipped
from fexdata.dataset.schema import IDENTITY, LABELS, PLACE, VERDICT
from fexdata.errors import FexdataError


@pytest.mark.parametrize("name", ["affectnet-d", "rafd-d", "photos"])
def test_every_shipped_card_loads_under_its_name(name: str) -> None:
    card = load_card(name.upper())
    assert card.name == name and card.licence and card.columns["depth"].dtype == "uint16"
    assert set(shipped("manifests")) >= {"affectnet-d", "rafd-d", "photos"}


def test_class_counts_add_up_to_the_papers_photographs() -> None:
    affectnet, rafd = load_card("affectnet-d").counts, load_card("rafd-d").counts
    assert sum(affectnet.classes.values()) == affectnet.photographs == 88_021
    assert max(affectnet.classes.values()) == 15_000 and len(affectnet.classes) == 8
    assert sum(rafd.classes.values()) == rafd.photographs == 8_040 == 67 * 3 * 5 * 8


def test_card_and_schema_agree_on_every_base_column() -> None:
    card = load_card("rafd-d")
    for field in (*IDENTITY, *LABELS, *VERDICT, *PLACE):
        described = card.describes(field.name)
        assert described is None or described.arrow_type() == field.type, field.name


def test_vectors_have_a_fixed_size_and_pictures_are_structs() -> None:
    card = load_card("photos")
    assert card.columns["landmarks_68"].arrow_type().list_size == 136
    assert pa.types.is_struct(card.columns["normal"].arrow_type())
    assert card.columns["reasons"].arrow_type() == pa.list_(pa.string())


def test_a_pattern_describes_columns_but_demands_none() -> None:
    card = load_card("photos")
    described = card.describes("score_pose")
    assert described is not None and described.range == (0, 1)
    assert "score_*" not in card.required("manifest") and card.describes("shoe_size") is None


def test_a_card_that_extends_another_changes_only_what_it_says() -> None:
    base, own = load_card("photos"), load_card("affectnet-d")
    assert own.columns["expression"].present == "always" and base.columns["expression"].present == "optional"
    assert own.columns["expression"].values == base.columns["expression"].values
    assert own.columns["vertices"] == base.columns["vertices"] and (own.size, base.size) == (256, None)


def test_cards_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_card("photos").name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", "is not valid YAML"),
        ("just words", "is not a card"),
        ("extends: photos\nname: x\ncolumns: {yaw: {dtype: float16}}", r"columns\.yaw\.dtype: Input should be"),
        ("extends: photos\nname: x\ncolour: red", "colour: Extra inputs"),
    ],
)
def test_a_wrong_card_is_one_line_that_names_the_entry(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "card.yaml"
    path.write_text(text)
    with pytest.raises(FexdataError, match=message) as raised:
        load_card(str(path))
    assert "\n" not in str(raised.value)


def test_an_unknown_card_lists_the_known_ones() -> None:
    with pytest.raises(FexdataError, match="no card named 'affectnet'; known: affectnet-au, affectnet-d, ckplus, "):
        load_card("affectnet")
