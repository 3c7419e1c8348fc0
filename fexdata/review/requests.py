"""The bodies that the page may send: everything else is refused before it reaches anything."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from fexdata.review.words import LABELS, MAX_COMMENT, REASONS

Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Tab = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{1,32}$")]
QueueName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,100}$")]
OrderName = Literal["doubt", "similarity", "random", "latest"]


class Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Next(Body):
    """Give me the next faces of a queue."""

    queue: QueueName
    order: OrderName
    count: int = Field(ge=1, le=60)
    tab: Tab
    holding: list[Id] = Field(default=[], max_length=200)
    after: Id | None = None
    """Of a queue in order `latest`: only what comes after this face."""


class Hold(Body):
    """I am still looking at these."""

    tab: Tab
    ids: list[Id] = Field(max_length=200)


class Action(Body):
    """What is said of one face; what is left out stays as it is."""

    id: Id
    verdict: Literal["accept", "reject", "unsure"] | None = None
    reason: str | None = None
    expression: str | None = None
    flag: bool | None = None
    comment: str | None = Field(default=None, max_length=MAX_COMMENT)

    @model_validator(mode="after")
    def _says_something(self) -> Action:
        if not self.said():
            raise ValueError("an action without verdict, expression, flag or comment")
        if self.reason is not None and (self.verdict != "reject" or self.reason not in REASONS):
            raise ValueError(f"reason: one of {', '.join(REASONS)}, and only with the verdict reject")
        if self.expression is not None and self.expression not in LABELS:
            raise ValueError(f"expression: one of {', '.join(LABELS)}")
        return self

    def said(self) -> dict[str, Any]:
        """The fields that are given, short of the id."""
        return self.model_dump(exclude={"id"}, exclude_none=True)


class Decide(Body):
    """One batch of decisions: one step of undo."""

    uid: Id
    queue: QueueName
    order: OrderName
    view: Literal["face", "grid"]
    seconds: float = Field(ge=0, le=1e6, allow_inf_nan=False)
    looked_at: list[Annotated[str, StringConstraints(pattern=r"^[a-z]{1,20}$")]] = Field(default=[], max_length=20)
    actions: list[Action] = Field(min_length=1, max_length=500)

    @model_validator(mode="after")
    def _names_each_face_once(self) -> Decide:
        if len({action.id for action in self.actions}) < len(self.actions):
            raise ValueError("a face is named twice")
        return self


class Turn(Body):
    """Undo or redo."""

    uid: Id


class Orphan(Body):
    """What becomes of a decision whose face is gone."""

    uid: Id
    action: Literal["dismiss", "attach"]
    id: Id | None = None

    @model_validator(mode="after")
    def _attaches_to_something(self) -> Orphan:
        if (self.action == "attach") != (self.id is not None):
            raise ValueError("attach needs the id of a face, dismiss has none")
        return self
