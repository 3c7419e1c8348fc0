"""The one way in which a request is turned down."""

from __future__ import annotations


class Refused(Exception):
    """A request that cannot be met. `status` is HTTP's, `code` a word for the page."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.code, self.sentence = status, code, sentence
