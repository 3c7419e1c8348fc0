"""Finding faces and their 478 landmarks in a photograph, the cheapest look first.

1. The whole photograph in a square of 128 pixels, by the short-range detector (about 2 ms).
2. When that leaves doubt (nothing, small faces, or every face is wanted), in 192 pixels by the
   full-range detector (about 6 ms). When there is still nothing, from further away (a face that
   fills its picture), then in overlapping squares of half, a quarter and an eighth of the longer
   side, each in 192 pixels.
3. Each candidate's region, level with the eyes and 1.5 times the detector's box, is cut out of
   the photograph at full resolution for the landmark network. When the landmarks ask for another
   region, they are found again there (about one face in four): a region that is off by 10% or 10
   degrees costs 1.1 to 2.1 pixels of a 256-pixel crop, the second look brings that to 0.3 to 0.8.
4. A candidate stays when the landmark network sees a face; of several on one face the best stays.

Where the corpus says where its face is, that place is looked at first, and mostly alone.
The result depends on the picture and the arguments alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fexdata.errors import Code, RowError
from fexdata.faces.alignment import apply, inverse, rescaled, warp
from fexdata.faces.mediapipe_graphs import LANDMARK_SIDE, Detection, Detector, LandmarkNetwork

Wanted = Literal["all", "largest", "annotated"]

REGION = 1.5
"""Side of the landmark network's region over that of the face's box: what it was trained on."""
PRESENCE = 0.8
"""The landmark network's own probability of a face, below which it is none. It is above 0.95 even
for covered, dark and distant faces, at every look; only a region guessed from the corpus's hint
may begin lower."""
SURE = 0.2
"""A face at least this share of the longer side is one that the short-range detector sizes well."""
DISTANT = 1 / 12
"""A face below this share of the longer side suggests others too small to be seen in one look."""
SAME_FACE = 0.4
"""Overlap (intersection over union) of landmark boxes from which two candidates are one face."""
AT_HINT = 0.2
"""Overlap with the corpus's box from which a face is the annotated one."""
SMALLEST = 16
"""Faces smaller than this many pixels are none: enlarged noise can look like anything."""
FINEST = 320
"""Squares smaller than this many pixels are not searched."""
MAX_SQUARES = 60


@dataclass(frozen=True, slots=True)
class Face:
    """One face in a photograph."""

    box: np.ndarray
    """(4,) float32: left, top, width, height of the landmarks' bounding box in pixels; left and
    top count from the photograph's edge, so a flip makes left width_of_photo - left - width."""
    score: float
    """The detector's score, 0 to 1; where only the corpus saw the face, the landmark network's."""
    landmarks: np.ndarray
    """(478, 3) float32: photograph pixels, pixel centres at integers; z away from the viewer in
    the same unit, zero near the head's middle."""


@dataclass(frozen=True, slots=True)
class _Region:
    """A square of the photograph: centre and side in its pixels, and a turn in radians (positive:
    clockwise, as the viewer sees it)."""

    centre: np.ndarray
    side: float
    turn: float = 0.0

    def matrix(self, size: int) -> np.ndarray:
        """The (2, 3) crop matrix that brings the region onto a square of `size` pixels."""
        scale, (x, y) = size / self.side, self.centre.tolist()
        c, s, middle = scale * math.cos(self.turn), scale * math.sin(self.turn), (size - 1) / 2
        return np.array([[c, s, middle - c * x - s * y], [-s, c, middle + s * x - c * y]])


class _View:
    """A photograph with the halved copies that looks at all of it have needed so far."""

    def __init__(self, picture: np.ndarray) -> None:
        self._levels = [picture]
        self.height, self.width = picture.shape[:2]
        self.longer = max(self.height, self.width)

    def crop(self, region: _Region, size: int) -> np.ndarray:
        """The region as a (size, size, 3) square; what lies outside the photograph is black."""
        wanted = max(0, math.floor(math.log2(region.side / size)))
        if region.side >= 0.9 * self.longer:
            self._halve_to(wanted)
        level = min(wanted, len(self._levels) - 1)
        return warp(self._levels[level], rescaled(region.matrix(size), 1 << level), size)

    def _halve_to(self, level: int) -> None:
        import cv2

        while len(self._levels) <= level and min(self._levels[-1].shape[:2]) > 1:
            height, width = (extent // 2 for extent in self._levels[-1].shape[:2])
            even = self._levels[-1][: 2 * height, : 2 * width]
            self._levels.append(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA))


class FaceFinder:
    """Holds the networks (0.3 s to load, about 60 MB); not for several threads at once."""

    def __init__(self, *, min_score: float = 0.5, thorough: bool = False) -> None:
        """`min_score`: candidates whose detector is less sure are ignored (0.5 or more).
        `thorough`: with faces="all", overlapping squares are searched in every photograph."""
        self._short, self._full = Detector("short"), Detector("full")
        self._landmarks = LandmarkNetwork()
        self._min_score = min_score
        self._thorough = thorough

    def find(
        self,
        picture: np.ndarray,
        *,
        faces: Wanted = "all",
        box: Sequence[float] | None = None,
        points: np.ndarray | None = None,
    ) -> list[Face]:
        """The faces of an upright (H, W, 3) uint8 RGB photograph, from left to right.

        `largest` gives one face; so does `annotated`: the one that best overlaps the corpus's own
        `box` (left, top, width, height) or, without one, holds its `points` (n, 2); without
        either it is `largest`. Raises `RowError`: no_face, or no_annotated_face when there are
        faces but none at the corpus's place.
        """
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
            raise ValueError(f"picture: expected (H, W, 3) uint8, got {picture.shape} {picture.dtype}")
        view = _View(picture)
        hint = _hint(box, points) if faces == "annotated" else None
        if hint is not None:
            there = self._at(view, hint)
            if there is not None:
                return [there]
        found = self._search(view, every=faces == "all" or hint is not None)
        if not found:
            raise RowError(Code.NO_FACE, "no face was found")
        if hint is not None:
            best = max(found, key=lambda face: hint.overlap(face.box))
            if hint.overlap(best.box) < AT_HINT:
                raise RowError(
                    Code.NO_ANNOTATED_FACE, f"{len(found)} found, but none where the corpus says its face is"
                )
            return [best]
        if faces != "all":
            return [max(found, key=lambda face: float(face.box[2] * face.box[3]))]
        return sorted(found, key=lambda face: (float(face.box[0]), float(face.box[1])))

    def _search(self, view: _View, *, every: bool) -> list[Face]:
        """Every face, or at least the largest."""
        whole = _whole(view)
        seen = self._detect(self._short, view, [whole])
        sure = [d for d in seen if d.side >= SURE * whole.side]
        if every or not sure:
            rest = [d for d in seen if d.side < SURE * whole.side]
            seen = [*sure, *self._detect(self._full, view, [whole]), *rest]
        found = self._settled(view, seen)
        if not found:
            found = self._settled(view, self._detect(self._short, view, [_Region(whole.centre, 1.7 * whole.side)]))
        smallest = min((float(max(face.box[2:])) for face in found), default=0.0)
        if found and not (every and (self._thorough or smallest < DISTANT * whole.side)):
            return found
        for squares in _squares(view):
            seen = sorted(self._detect(self._full, view, squares), key=lambda d: -d.score)
            found = _merged([*found, *self._settled(view, seen, known=found)])
            if found and not every:
                break
        return found

    def _at(self, view: _View, hint: _Hint) -> Face | None:
        """The face where the corpus says it is, looking nowhere else."""
        left, top, width, height = hint.box
        middle = np.array([left + width / 2, top + height / 2]) - 0.5
        side = max(width, height)

        def best(faces: list[Face]) -> Face | None:
            there = [face for face in faces if hint.overlap(face.box) >= AT_HINT]
            return max(there, key=lambda face: hint.overlap(face.box), default=None)

        looks: tuple[Callable[[], list[Detection]], ...] = (
            lambda: self._detect(self._short, view, [_Region(middle, 2 * side)]),
            lambda: self._detect(self._full, view, [_Region(middle, 3 * side)]),
            lambda: [Detection(middle, 1.1 * side, 0.0, np.array([[-1.0, 0], [1, 0]]))],
        )
        for look in looks:
            face = best(self._settled(view, look()))
            if face is not None:
                return face
        return None

    def _detect(self, detector: Detector, view: _View, regions: Iterable[_Region]) -> list[Detection]:
        """What a detector sees in parts of the photograph, in photograph pixels."""
        seen = []
        for region in regions:
            back = inverse(region.matrix(detector.side))
            for d in detector(view.crop(region, detector.side)):
                if d.score >= self._min_score:
                    centre = apply(back, d.centre[None])[0]
                    side = d.side * region.side / detector.side
                    seen.append(Detection(centre, side, d.score, apply(back, d.eyes)))
        return seen

    def _settled(self, view: _View, seen: list[Detection], known: Sequence[Face] = ()) -> list[Face]:
        """Candidates with landmarks, one per face, the first of several; those on a face of `known`
        are left out."""
        faces: list[Face] = []
        done: list[Detection] = []
        for candidate in seen:
            if any(_on_one_face(candidate, other) for other in done) or any(_is_on(candidate, face) for face in known):
                continue
            face = self._face(view, candidate)
            if face is not None:
                done.append(candidate)
                faces.append(face)
        return _merged(faces)

    def _face(self, view: _View, candidate: Detection) -> Face | None:
        """The candidate's landmarks; None when the landmark network sees no face there."""
        (ax, ay), (bx, by) = candidate.eyes
        region = _Region(candidate.centre, REGION * candidate.side, math.atan2(by - ay, bx - ax))
        for _ in range(3):
            local, presence = self._landmarks(view.crop(region, LANDMARK_SIDE))
            if not _face_like(local) or (presence < PRESENCE and candidate.score > 0):
                return None
            landmarks = apply(inverse(region.matrix(LANDMARK_SIDE)), local)
            asked = _region_of(landmarks)
            if _alike(region, asked):
                break
            region = asked
        low, high = _extent(landmarks[:, :2])
        moved = np.linalg.norm((low + high) / 2 - candidate.centre)
        if presence < PRESENCE or min(high - low) < SMALLEST or moved > candidate.side:
            return None
        box = np.array([*(low + 0.5), *(high - low)], np.float32)
        return Face(box, candidate.score or presence, landmarks.astype(np.float32))


@dataclass(frozen=True, slots=True)
class _Hint:
    """Where the corpus says the face is; `points` only where it gives no box."""

    box: np.ndarray
    points: np.ndarray | None

    def overlap(self, box: np.ndarray) -> float:
        """How well a face's box fits, 0 to 1: intersection over union, or the share of the
        corpus's points inside. Of two faces that hold all points the tighter one is better."""
        fit = _overlap(box, self.box)
        if self.points is None:
            return fit
        inside = np.all((self.points >= box[:2] - 0.1 * box[2:]) & (self.points <= box[:2] + 1.1 * box[2:]), axis=1)
        share = float(inside.mean())
        return 0.5 * share + 0.5 * fit if share >= 0.5 else 0.0


def _hint(box: Sequence[float] | None, points: np.ndarray | None) -> _Hint | None:
    if box is not None and min(box[2:]) > 0 and all(map(math.isfinite, box)):
        return _Hint(np.asarray(box, np.float64), None)
    if points is not None and len(points) and np.isfinite(points).all():
        low, high = _extent(points)
        # Points end at the brows and begin at the lips or chin; a face is half as much again.
        side = max(1.4 * float(max(high - low)), 8.0)
        return _Hint(np.array([*((low + high) / 2 - side / 2), side, side]), np.asarray(points, np.float64))
    return None


def _whole(view: _View) -> _Region:
    return _Region(np.array([(view.width - 1) / 2, (view.height - 1) / 2]), view.longer)


def _squares(view: _View) -> Iterator[list[_Region]]:
    """Grids of squares of half, a quarter and an eighth of the longer side, a quarter overlapping,
    as long as there are not too many."""
    for part in (2, 4, 8):
        side = view.longer / part
        across, down = (max(1, math.ceil((extent / side - 0.25) / 0.75)) for extent in (view.width, view.height))
        if side < FINEST or across * down > MAX_SQUARES:
            return
        xs, ys = (_spread(extent, side, n) for extent, n in ((view.width, across), (view.height, down)))
        yield [_Region(np.array([x, y]), side) for y in ys for x in xs]


def _spread(extent: int, side: float, count: int) -> np.ndarray:
    """Centres of `count` intervals of length `side` that evenly cover `extent` pixels."""
    if count == 1:
        return np.array([(extent - 1) / 2])
    return np.linspace(side / 2 - 0.5, extent - side / 2 - 0.5, count)


def _region_of(landmarks: np.ndarray) -> _Region:
    """The region that landmarks ask for: level with the outer eye corners, 1.5 times their box."""
    right, left = landmarks[33, :2], landmarks[263, :2]
    turn = math.atan2(left[1] - right[1], left[0] - right[0])
    level = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    low, high = _extent(landmarks[:468, :2] @ level.T)
    return _Region(level.T @ ((low + high) / 2), REGION * float(max(high - low)), turn)


def _extent(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest coordinates (2,) of (n, 2) points."""
    columns = np.ascontiguousarray(points.T)  # numpy takes five times as long along the first axis
    return columns.min(axis=1), columns.max(axis=1)


def _alike(used: _Region, asked: _Region) -> bool:
    # Landmarks then differ by about 1 pixel of a 256-pixel crop from where repeating would end;
    # repeating always (0.5 pixel) costs 4 to 8 ms a face, this 1 ms.
    shift = float(np.linalg.norm(used.centre - asked.centre)) / asked.side
    turn = abs(math.remainder(used.turn - asked.turn, math.tau))
    return shift < 0.04 and abs(math.log(used.side / asked.side)) < 0.08 and turn < math.radians(4)


def _face_like(local: np.ndarray) -> bool:
    """Whether landmarks in the network's 192-pixel square have a face's extent at all."""
    low, high = _extent(local[:468, :2])
    width, height = (high - low).tolist()
    eyes = float(np.linalg.norm(local[33, :2] - local[263, :2]))
    return bool(np.isfinite(local).all()) and min(width, height) > 20 and 0.4 < height / width < 4 and eyes > 4


def _on_one_face(a: Detection, b: Detection) -> bool:
    near = float(np.linalg.norm(a.centre - b.centre)) < 0.5 * min(a.side, b.side)
    return near and 0.5 < a.side / b.side < 2


def _is_on(candidate: Detection, face: Face) -> bool:
    middle = face.box[:2] + face.box[2:] / 2
    size = float(max(face.box[2:]))
    return float(np.linalg.norm(candidate.centre - middle)) < 0.35 * size and 0.5 < candidate.side / size < 2


def _merged(faces: Iterable[Face]) -> list[Face]:
    """One face where several overlap: the one with the best score."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda f: (-f.score, float(f.box[0]), float(f.box[1]))):
        if all(_overlap(face.box, other.box) < SAME_FACE for other in kept):
            kept.append(face)
    return kept


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes (left, top, width, height)."""
    low = np.maximum(a[:2], b[:2])
    high = np.minimum(a[:2] + a[2:], b[:2] + b[2:])
    common = float(np.prod(np.maximum(high - low, 0)))
    return common / max(float(a[2] * a[3] + b[2] * b[3]) - common, 1e-9)
