"""Which key does what, in one table; a YAML file changes it.

accept: j            # one key, or a list of keys, by their KeyboardEvent names
reject: [k, Delete]
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from fexdata.dataset.names import home_folders
from fexdata.errors import FexdataError
from fexdata.review.words import REASONS
from fexdata.storage import is_remote

ACTIONS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "accept": ("Accept", ("a",)),
    "reject": ("Reject", ("r",)),
    **{f"reject_{i}": (f"Reject: {words}", (str(i),)) for i, words in enumerate(REASONS.values(), start=1)},
    "unsure": ("Unsure", ("u",)),
    "relabel": ("Change the expression", ("e",)),
    "flag": ("Flag", ("f",)),
    "comment": ("Comment", ("c",)),
    "undo": ("Undo", ("z",)),
    "redo": ("Redo", ("y", "Z")),
    "next": ("Next, left undecided", ("ArrowRight", "n", " ")),
    "back": ("Back", ("ArrowLeft", "p")),
    "zoom_in": ("Zoom in", ("+", "=")),
    "zoom_out": ("Zoom out", ("-",)),
    "zoom_reset": ("Zoom as at first", ("0",)),
    "wipe": ("Wipe between crop and mesh", ("w",)),
    "wipe_left": ("Wipe to the left", ("[",)),
    "wipe_right": ("Wipe to the right", ("]",)),
    "heat": ("Error of the fit", ("h",)),
    "texture": ("The crop on the mesh, or clay", ("t",)),
    "wire": ("Wireframe", ("v",)),
    "landmarks": ("Landmarks", ("l",)),
    "landmarks_all": ("All points of the mesh", ("L",)),
    "tab_crop": ("Show the crop", ("q",)),
    "tab_overlay": ("Show the mesh over the crop", ("b",)),
    "tab_depth": ("Show depth", ("d",)),
    "tab_normal": ("Show normals", ("s",)),
    "tab_mask": ("Show the mask", ("m",)),
    "tab_photograph": ("Show the photograph", ("o",)),
    "turn_left": ("Turn the mesh left", ("j",)),
    "turn_right": ("Turn the mesh right", ("k",)),
    "turn_up": ("Turn the mesh up", ("i",)),
    "turn_down": ("Turn the mesh down", (",",)),
    "grid": ("Grid or one face", ("g",)),
    "select": ("Pick the face", ("x",)),
    "select_all": ("Pick all", ("A",)),
    "decide_rest": ("Decide for the rest", ("Enter",)),
    "order": ("Next order of the queue", ("O",)),
    "queue_menu": ("Choose a queue", ("Q",)),
    "statistics": ("Statistics", ("S",)),
    "legend": ("This legend", ("?",)),
    "cancel": ("Cancel", ("Escape",)),
}
"""Action -> words for the legend, default keys."""

Keys = dict[str, list[str]]


def key_words() -> dict[str, str]:
    return {action: words for action, (words, _) in ACTIONS.items()}


def load_keys(dataset: str) -> Keys:
    """The keys of each action: the defaults, changed by `review/keys.yaml` beside the dataset or else
    `review-keys.yaml` in the first of the user's dataset folders that has one.

    Raises `FexdataError` for a file that names an unknown action or gives one key to two.
    """
    paths = [] if is_remote(dataset) else [Path(dataset) / "review" / "keys.yaml"]
    paths += [Path(home) / "review-keys.yaml" for home in home_folders() if not is_remote(home)]
    for path in paths:
        if path.is_file():
            return remapped(_read(path), str(path))
    return remapped({}, "")


def remapped(own: Mapping[str, Any], where: str) -> Keys:
    """The default keys with `own` in their place; a key that `own` gives to another action is taken
    from the action that had it."""
    unknown = [action for action in own if action not in ACTIONS]
    if unknown:
        raise FexdataError(f"{where}: no action {unknown[0]!r}; known: {', '.join(ACTIONS)}")
    given: Keys = {}
    owner: dict[str, str] = {}
    for action, value in own.items():
        keys = [value] if isinstance(value, str | int) else value
        if not isinstance(keys, list) or not all(isinstance(key, str | int) and str(key) for key in keys):
            raise FexdataError(f"{where}: {action}: expected a key or a list of keys, e.g. [a, Enter]")
        given[action] = [str(key) for key in keys]
        for key in given[action]:
            if owner.setdefault(key, action) != action:
                raise FexdataError(f"{where}: the key {key!r} is given to {owner[key]} and to {action}")
    defaults = {action: [key for key in keys if key not in owner] for action, (_, keys) in ACTIONS.items()}
    return defaults | given


def _read(path: Path) -> Mapping[str, Any]:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FexdataError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(data or {}, dict):
        raise FexdataError(f"{path}: expected lines such as `accept: a`")
    return data or {}
