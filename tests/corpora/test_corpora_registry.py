from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints

import pytest

from fexdata.corpora import registry
from fexdata.corpora.affectnet import AffectNet
from fexdata.corpora.folder import Folder
from fexdata.corpora.rafd import RaFD
from fexdata.errors import FexdataError


def _installed(monkeypatch: pytest.MonkeyPatch, *pairs: tuple[str, str]) -> None:
    found = EntryPoints(EntryPoint(name, value, registry.GROUP) for name, value in pairs)
    monkeypatch.setattr(registry, "entry_points", lambda group: found.select(group=group))


@pytest.mark.parametrize("cls", [AffectNet, Folder, RaFD])
def test_our_corpora_are_found_by_their_own_names(cls: type) -> None:
    assert cls.name in registry.known()
    made = registry.corpus(cls.name)
    assert type(made) is cls and made.licence


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(FexdataError, match=r"unknown corpus 'affectnat'; known: .*affectnet.*folder.*rafd"):
        registry.corpus("affectnat")


def test_another_packages_corpus_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    _installed(monkeypatch, ("mine", "fexdata.corpora.folder:Folder"))
    assert registry.known() == ["mine"]
    assert isinstance(registry.corpus("mine"), Folder)


def test_one_name_registered_for_two_corpora_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _installed(monkeypatch, ("mine", "fexdata.corpora.folder:Folder"), ("mine", "fexdata.corpora.rafd:RaFD"))
    with pytest.raises(FexdataError, match=r"'mine' is registered twice: .*Folder, .*RaFD"):
        registry.corpus("mine")


@pytest.mark.parametrize("value", ["no_such_package.x:Y", "fexdata.corpora.folder:NoSuchClass"])
def test_corpus_that_cannot_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    _installed(monkeypatch, ("mine", value))
    with pytest.raises(FexdataError, match=f"'mine' is registered as {value}, which cannot be loaded"):
        registry.corpus("mine")
