"""How much the embedded model's people differ, measured as anthropometry does: `python -m benchmarks.heads`."""

from __future__ import annotations

import time

import numpy as np

from fexdata.faces.models.default import default_model
from fexdata.faces.self_intersection import self_intersections

PEOPLE, SEED = 1000, 0
BETWEEN = {
    "face breadth": (234, 454),
    "jaw breadth": (58, 288),
    "face height (nasion to chin)": (168, 152),
    "nose breadth": (129, 358),
    "nose length": (168, 2),
    "nose depth": (2, 4),
    "mouth breadth": (61, 291),
    "upper lip height": (0, 13),
    "lower lip height": (14, 17),
    "philtrum": (2, 0),
    "inner eye corners": (133, 362),
    "outer eye corners": (33, 263),
    "eye breadth": (33, 133),
    "eye opening": (159, 145),
    "brow above eye": (105, 159),
}
"""Measurements between two of MediaPipe's vertices."""


def main() -> None:
    started = time.perf_counter()
    model = default_model()
    print(f"built in {time.perf_counter() - started:.1f} s: {len(model.mean):,} vertices, "
          f"{len(model.triangles):,} triangles, {len(model.identity_names)} identity and "
          f"{len(model.expression_names)} expression fields")  # fmt: skip
    drawn = np.random.default_rng(SEED).standard_normal((PEOPLE, len(model.identity_names)))
    faces = model.mean[:468] + np.einsum("nk,kvd->nvd", drawn, model.identity_basis[:, :468])
    print(f"\n| {PEOPLE} people | mean, mm | sd, mm | sd, % |\n|---|---:|---:|---:|")
    for name, (a, b) in BETWEEN.items():
        length = np.linalg.norm(faces[:, a] - faces[:, b], axis=1)
        print(f"| {name} | {length.mean():.1f} | {length.std():.1f} | {100 * length.std() / length.mean():.1f} |")
    skin = model.triangles[model.regions["ears"][model.triangles].max(axis=1) == 0]
    crossings = np.array([self_intersections(model.shape(identity), skin) for identity in drawn[:100]])
    print(f"\nof the first 100, {np.mean(crossings == 0):.0%} have a skin that crosses itself nowhere; "
          f"at most {crossings.max()} of {len(skin):,} triangles' pairs cross")  # fmt: skip


if __name__ == "__main__":
    main()
