"""Light of rendered photographs against closed forms: strength, shadows, highlights, edges."""

from __future__ import annotations

import numpy as np
import pytest
from photo_scenes import AWAY, camera, lamp, material, part, quad, scene, sphere, uniform

from fexdata.faces.canonical import canonical_triangles, canonical_vertices
from fexdata.render.photo.renderer import render
from fexdata.render.photo.scene import Camera, Lighting, Material, Part, Scene


def test_a_surface_that_faces_a_lamp_of_irradiance_1_has_its_albedo_as_radiance() -> None:
    picture = render(scene([quad(100, of=material("plain", 0.37))], lamp(0, 0, -1))).radiance
    np.testing.assert_allclose(picture[40:88, 40:88], 0.37, rtol=1e-3)


@pytest.mark.parametrize("degrees", [30, 60, 80])
def test_a_lamp_lights_by_the_cosine_of_its_angle(degrees: float) -> None:
    turn = np.radians(degrees)
    picture = render(scene([quad(100, of=material("plain", 1.0))], lamp(np.sin(turn), 0, -np.cos(turn)))).radiance
    np.testing.assert_allclose(picture[50:78, 50:78], np.cos(turn), rtol=0.01)


@pytest.mark.parametrize("kind", ["plain", "skin"])
def test_a_white_sphere_in_uniform_surroundings_shines_like_them(kind: str) -> None:
    ball = sphere(70, of=material(kind, 1.0))  # type: ignore[arg-type]
    result = render(scene([ball], uniform(0.8)))
    inside = (result.part == 0) & (result.normal[..., 2] < -0.3)
    assert abs(result.radiance[inside].mean() - 0.8) < 0.02
    assert result.radiance[inside].min() > 0.7


def test_a_glossy_black_sphere_mirrors_uniform_surroundings_at_its_reflectance() -> None:
    ball = sphere(70, of=material("plain", 0.0, roughness=0.1, specular=0.04))
    middle = render(scene([ball], uniform(1.0))).radiance[60:68, 60:68]
    np.testing.assert_allclose(middle, 0.04, rtol=0.25)


def test_a_pit_is_darker_than_the_plain_around_it() -> None:
    # Four walls, 60 mm high about a floor of 40 mm: surroundings reach the floor only from ahead.
    floor = quad(200, z=950, cells=100)
    walls = [
        part(_wall(side), np.array([[0, 1, 2], [0, 2, 3]]), np.zeros((4, 2)), material(), name="wall")
        for side in range(4)
    ]
    inside = render(scene([floor, *walls], uniform(1.0))).radiance[64, 64, 0]
    free = render(scene([floor], uniform(1.0))).radiance[64, 64, 0]
    # A disc seen from below its middle: (r / sqrt(r^2 + h^2))^2 of the light, r about 22, h = 60.
    assert 0.06 < inside / free < 0.25


def _wall(side: int) -> np.ndarray:
    turn = np.radians(90 * side)
    flat = np.array([[20, -20], [20, 20]]) @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return np.concatenate([np.column_stack([flat, [950, 950]]), np.column_stack([flat[::-1], [890, 890]])])


def test_a_shadow_falls_where_geometry_says() -> None:
    # A square 60 mm above a wall, lamp from the upper left: the shadow lies 60 mm to the right and 30 down.
    wall = quad(400, z=1000, of=material("plain", 1.0), cells=40)
    square = quad(30, z=940, x=-60, y=-30, of=material("plain", 1.0), name="square")
    result = render(scene([wall, square], lamp(-1, -0.5, -1, size=0.3), of=camera(200, 260)))
    lit = 1 / np.sqrt(1 + 0.25 + 1)
    of = camera(200, 260)
    shadow = np.zeros(result.part.shape, bool)
    y, x = np.mgrid[:200, :200]
    place_x, place_y = (x - of.centre[0]) / of.focal * 1000, (y - of.centre[1]) / of.focal * 1000
    distance = np.maximum(np.abs(place_x - 0), np.abs(place_y - 0)) - 15
    shadow[:] = distance < -2.5
    open_ = (distance > 2.5) & (result.part == 0)
    assert np.count_nonzero(shadow & (result.part == 0)) > 200
    assert result.radiance[shadow & (result.part == 0)].max() < 0.02
    near_square = np.maximum(np.abs(x - 100 + 60 / 1.3 * 0.9), np.abs(y - 100 + 30 / 1.3 * 0.9)) < 25
    np.testing.assert_allclose(result.radiance[open_ & ~near_square], lit, rtol=0.02)


def test_a_larger_lamp_makes_a_wider_penumbra() -> None:
    wall = quad(400, z=1000, of=material("plain", 1.0), cells=40)
    half = part(
        np.array([[-400, -400, 940], [0, -400, 940], [0, 400, 940], [-400, 400, 940]]),
        np.array([[0, 2, 1], [0, 3, 2]]), np.zeros((4, 2)), material("plain", 0.0),
    )  # fmt: skip

    def width(size: float) -> float:
        # The lamp stands to the right, so the edge's shadow falls on the wall's left part under the half plane.
        tilted = Scene([wall, half], camera(), lamp(-0.6, 0, -1, size=size), np.zeros((2, 2, 3), np.float32))
        row = render(tilted).radiance[54:74, 66:, 0].mean(axis=0)
        row = row / row[-1]
        return float(np.count_nonzero((row > 0.1) & (row < 0.9))) * 200 / 128

    small, large = width(0.5), width(6.0)
    # 60 mm of height along the slanted way, 2 tan(6 degrees) wide, stretched by the slant once more.
    assert small < 4
    assert 7 < large < 25


@pytest.mark.parametrize("direction", [(-0.6, -0.5, -0.6), (0.9, 0.1, -0.2), (0.1, -0.95, -0.3)])
def test_a_smooth_convex_surface_casts_no_shadow_on_itself(direction: tuple[float, float, float]) -> None:
    light = lamp(*direction, size=2.0)
    result = render(scene([sphere(70, of=material("plain", 1.0))], light))
    facing = np.clip(result.normal @ light.lamps[0], 0, None)
    inside = (result.part == 0) & (facing > 0.1) & (result.normal[..., 2] < -0.3)
    np.testing.assert_allclose(result.radiance[inside][:, 0], facing[inside], atol=0.03)


def test_a_highlight_stands_where_the_mirror_direction_is() -> None:
    direction = np.array([-0.5, -0.3, -0.8])
    ball = sphere(70, of=material("plain", 0.0, roughness=0.25, specular=0.04))
    picture = render(scene([ball], lamp(*direction))).radiance[..., 0]
    row, column = np.unravel_index(picture.argmax(), picture.shape)
    normal = render(scene([ball], lamp(*direction))).normal[row, column]
    half = direction / np.linalg.norm(direction) + [0, 0, -1]
    assert normal @ half / np.linalg.norm(half) > np.cos(np.radians(4))


def test_a_cornea_shows_the_lamp_and_leaves_the_rest_clear() -> None:
    wall = quad(150, z=930, of=material("plain", 0.3))
    ball = sphere(30, of=material("cornea", 1.0, specular=0.02), z=890)
    light = lamp(-0.4, -0.4, -1, size=4)
    with_cornea = render(scene([wall, ball], light)).radiance[..., 0]
    alone = render(scene([wall], light)).radiance[..., 0]
    near = np.hypot(*np.mgrid[-64:64, -64:64]) < 12
    assert with_cornea.max() > alone.max() + 0.2
    assert np.median(with_cornea[near] / alone[near]) == pytest.approx(0.98, abs=0.01)


def test_relief_tilts_the_shading_and_nothing_else() -> None:
    ramp = np.tile(np.linspace(0, 30, 256, dtype=np.float32), (256, 1))  # 30 mm over 100 mm: rises to the right
    flat = quad(100, of=material("plain", 1.0))
    tilted = Part(
        "tilted", flat.vertices, flat.triangles, flat.uv,
        Material("plain", flat.material.albedo, flat.material.roughness, ramp, specular=0.0),
    )  # fmt: skip
    left, right = (render(scene([tilted], lamp(x, 0, -1))) for x in (-0.5, 0.5))
    slope = np.arctan(0.3)
    for result, turn in ((left, np.arctan(0.5) - slope), (right, np.arctan(0.5) + slope)):
        np.testing.assert_allclose(result.radiance[54:74, 54:74], np.cos(turn), atol=0.02)
    np.testing.assert_array_equal(left.normal, render(scene([flat], lamp(0, 0, -1))).normal)


def test_textures_and_tint_multiply_and_the_first_texel_is_top_left() -> None:
    albedo = np.zeros((2, 2, 3), np.float32)
    albedo[0, 0] = 0.8
    flat = quad(100)
    surface = Material("plain", albedo, np.full((1, 1), 0.5, np.float32), specular=0.0)
    tint = np.full((len(flat.vertices), 3), 0.5, np.float32)
    one = Part("square", flat.vertices, flat.triangles, flat.uv, surface, tint)
    picture = render(scene([one], lamp(0, 0, -1))).radiance
    assert picture[48, 48, 0] == pytest.approx(0.4, abs=0.02)
    assert picture[80, 80, 0] == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("supersample", [1.5, 2.0, 3.0])
def test_an_edge_covers_its_share_of_the_pixels_it_crosses(supersample: float) -> None:
    covered = []
    for shift in np.linspace(0, 1.5625, 7):  # one pixel, in millimetres
        square = quad(100, x=float(shift), of=material("plain", 1.0))
        picture = render(scene([square], lamp(0, 0, -1)), supersample=supersample).radiance[64, :, 0]
        covered.append(picture.sum())
    # A square of 100 mm is 64 pixels wide; samples of 1 / supersample pixels can miss by one at each end.
    np.testing.assert_allclose(covered, 64, atol=1.01 / supersample)
    partial = (picture > 0.02) & (picture < 0.98)
    assert np.count_nonzero(partial) <= 4


@pytest.mark.parametrize("size", [(131, 101), (96, 127), (64, 64)])
@pytest.mark.parametrize("supersample", [1.0, 1.5, 1.3])
def test_picture_and_truth_show_the_same_whatever_the_size(size: tuple[int, int], supersample: float) -> None:
    of = Camera(500.0, (size[0] - 29.2, size[1] - 33.7), size)
    square = quad(40, x=7, y=11, cells=1, of=material("plain", 1.0))
    result = render(scene([square], lamp(0, 0, -1), of=of), supersample=supersample)
    assert result.radiance.shape == (size[1], size[0], 3)
    middle = of.focal * np.array([7, 11]) / AWAY + of.centre
    y, x = np.mgrid[: size[1], : size[0]]
    # Where samples are counted, edges are sharp to half a sample.
    for weight, sharp in (
        (result.radiance[..., 0].astype(float), 0.5 / supersample),
        (result.label.astype(float), 0.5),
    ):
        found = [(axis * weight).sum() / weight.sum() for axis in (x, y)]
        np.testing.assert_allclose(found, middle, atol=sharp + 0.01)


def test_a_supersample_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="supersample"):
        render(scene([quad(50)], uniform()), supersample=0.5)


def test_the_background_is_stretched_behind_everything() -> None:
    behind = np.zeros((2, 2, 3), np.float32)
    behind[:, 1] = 1.0
    made = Scene([quad(20)], camera(), uniform(), behind)
    picture = render(made).radiance
    assert picture[64, 5, 0] == 0.0 and picture[64, 122, 0] == 1.0


def test_nothing_to_show_leaves_the_background() -> None:
    np.testing.assert_allclose(render(scene([], uniform(), background=0.3)).radiance, 0.3, rtol=1e-6)


def head_scene(side: float, light: Lighting) -> Scene:
    vertices = canonical_vertices() * np.array([10 * side, 10, 10], np.float32) + np.array([0, 0, AWAY], np.float32)
    triangles = canonical_triangles() if side > 0 else canonical_triangles()[:, ::-1]
    uv = np.zeros((len(vertices), 2))
    return scene([part(vertices, triangles, uv, material("skin", 0.5, specular=0.028))], light, background=0.2)


def both_lights(side: float) -> Lighting:
    around, key = uniform(0.3), lamp(-0.6 * side, -0.5, -0.7, size=3.0)
    ways = around.directions * np.array([side, 1, 1], np.float32)
    return Lighting(ways, around.radiance, key.lamps, key.lamp_radiance, key.lamp_size)


def test_the_mirrored_scene_gives_the_mirrored_photograph() -> None:
    here = render(head_scene(1, both_lights(1))).radiance
    there = render(head_scene(-1, both_lights(-1))).radiance[:, ::-1]
    difference = np.abs(here - there)
    # Soft shadows are sampled along a spiral turned by the pixel, which a mirror does not turn back.
    assert difference.mean() < 0.002
    assert np.percentile(difference, 99) < 0.04


def test_the_same_scene_gives_the_same_bytes() -> None:
    made = head_scene(1, both_lights(1))
    assert render(made).radiance.tobytes() == render(made).radiance.tobytes()
