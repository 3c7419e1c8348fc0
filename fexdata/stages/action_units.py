"""Action units: how strongly each movement of FACS is shown, by one tool or by several side by side.

Every tool has a column of its own. The first one that scores action units is the primary one: its
numbers are also `au`, which methods train on, and `au_scheme` says whose they are, because numbers
of two tools mean different things.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import pyarrow as pa
from pydantic import Field

from fexdata.dataset.fields import column, fixed
from fexdata.errors import FexdataError
from fexdata.faces.action_units.schemes import ARKIT, Scheme
from fexdata.stages.action_unit_tools import (
    Geometric,
    MediaPipeTasks,
    OpenFaceFiles,
    OpenFaceProgram,
    PyFeatNetwork,
    Scored,
    Tool,
)
from fexdata.stages.base import Row, Stage, StageConfig

ToolName = Literal["geometric", "openface", "mediapipe_tasks", "pyfeat"]
_DECIMALS = 3
"""Stored scores are rounded to a thousandth; confidences to four digits, as scores are."""


class ActionUnits(Stage):
    """Scores of action units per face, by every tool that is asked."""

    name: ClassVar[str] = "action_units"
    version: ClassVar[int] = 1

    class Config(StageConfig):
        """Which tools run, and where they find what they need."""

        tools: tuple[ToolName, ...] = Field(
            ("geometric",), min_length=1, description="Tools, the first that scores action units being `au`."
        )
        openface_csv: str | None = Field(
            None, description="Folder of OpenFace 2's CSV files: a/b.csv for the photograph a/b.jpg."
        )
        openface_binary: str | None = Field(None, description="OpenFace 2's FaceLandmarkImg, to be run on the crops.")
        face_landmarker: str | None = Field(None, description="MediaPipe's face_landmarker.task.")
        relative_to: Literal["population", "subject"] = Field(
            "population",
            description="What the geometric tool measures from: everybody's neutral face, or the subject's own, "
            "which the survey neutral_shape finds.",
        )
        pyfeat_weights: str | None = Field(None, description="py-feat's face_multitask_v28.safetensors.")

    config: Config

    def __init__(self, config: StageConfig) -> None:
        """Raises `FexdataError` for a tool without its file, and where no tool would score action units."""
        super().__init__(config)
        self._tools = _tools(self.config)
        # Which columns are read depends on the tools: nobody decodes pictures for the geometric one.
        self.reads = tuple(dict.fromkeys(name for tool in self._tools for name in tool.reads))  # type: ignore[misc]

    @property
    def _primary(self) -> Tool | None:
        return next((tool for tool in self._tools if tool.scheme is not ARKIT), None)

    def schema(self) -> pa.Schema:
        fields = [_tool_field(tool) for tool in self._tools]
        if self._primary is not None:
            units = self._primary.scheme
            about = "How sure the score of each action unit is: 1 as good as certain, 0 a guess."
            fields += [
                column("au_scheme", pa.string(), "How `au` is scored; numbers of two schemes mean different things."),
                column("au", _struct(units), f"The first tool's scores. {units.about}", unit=units.unit),
                column("au_confidence", _struct(units), about, unit="0 to 1"),
            ]
        return pa.schema(fields)

    def weights(self) -> Mapping[str, str]:
        return {name: digest for tool in self._tools for name, digest in tool.weights().items()}

    def warm_up(self) -> None:
        for tool in self._tools:
            tool.warm_up()

    def run(self, rows: Sequence[Row]) -> Sequence[Any]:
        try:
            return self._score(rows)
        except Exception:  # one row's broken picture must not cost its whole batch
            return self.each(rows, lambda row: self._score([row])[0])

    def _score(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        scored = {tool.column: tool.score(rows) for tool in self._tools}
        return [self._columns({name: found[index] for name, found in scored.items()}) for index in range(len(rows))]

    def _columns(self, scored: Mapping[str, Scored | None]) -> dict[str, Any]:
        values = {tool.column: _stored(tool.scheme, scored[tool.column]) for tool in self._tools}
        if self._primary is None:
            return values
        found, units = scored[self._primary.column], self._primary.scheme
        return {
            **values,
            "au_scheme": None if found is None else units.name,
            "au": _stored(units, found),
            "au_confidence": None if found is None else _rounded(units, found.confidence, _DECIMALS + 1),
        }


def _tools(config: ActionUnits.Config) -> list[Tool]:
    if len(set(config.tools)) < len(config.tools):
        raise FexdataError(f"action_units.tools: {', '.join(config.tools)}: each tool runs once")
    return [_tool(name, config) for name in config.tools]


def _tool(name: ToolName, config: ActionUnits.Config) -> Tool:
    if name == "geometric":
        return Geometric(own_neutral=config.relative_to == "subject")
    if name == "openface":
        if (config.openface_csv is None) == (config.openface_binary is None):
            raise FexdataError("action_units: openface needs one of openface_csv and openface_binary")
        return (
            OpenFaceFiles(config.openface_csv) if config.openface_csv else OpenFaceProgram(config.openface_binary or "")
        )
    if name == "mediapipe_tasks":
        return MediaPipeTasks(_needed(config.face_landmarker, name, "face_landmarker"))
    return PyFeatNetwork(_needed(config.pyfeat_weights, name, "pyfeat_weights"))


def _needed(value: str | None, tool: str, setting: str) -> str:
    if value is None:
        raise FexdataError(f"action_units: {tool} needs its file: --set action_units.{setting}=PATH")
    return value


def _tool_field(tool: Tool) -> pa.Field:
    scheme = tool.scheme
    if scheme.mirror == "named":  # one value per side of the face: as expression coefficients are kept
        return column(
            tool.column, fixed(len(scheme.names)), scheme.about, unit=scheme.unit, convention=scheme.name,
            shape=(len(scheme.names),), mirror=scheme.mirror, names=scheme.names,
        )  # fmt: skip
    return column(tool.column, _struct(scheme), scheme.about, unit=scheme.unit, convention=scheme.name)


def _struct(scheme: Scheme) -> pa.DataType:
    return pa.struct([(name, pa.float32()) for name in scheme.names])


def _stored(scheme: Scheme, scored: Scored | None) -> Any:
    if scored is None:
        return None
    rounded = _rounded(scheme, scored.values, _DECIMALS)
    return list(rounded.values()) if scheme.mirror == "named" else rounded


def _rounded(scheme: Scheme, values: Mapping[str, float | None], decimals: int) -> dict[str, float | None]:
    found = {name: values.get(name) for name in scheme.names}
    return {name: None if value is None else round(float(value), decimals) for name, value in found.items()}
