"""How a picture is taken: where the camera stands, and what lens, sensor and file make of the light.

A face looks like a photograph only with what cameras do to it: the perspective of an arm's length
or of a long lens, highlights that roll off instead of clipping, noise that denoising has smeared,
halos of sharpening, blocks of JPEG. `develop` applies them in the order in which a camera does:
lens (blur, lateral colour, vignette), exposure and white balance, shot and read noise, denoising,
tone curve, sharpening, file.

Which strengths a picture gets is drawn apart (`draw_development`) from applying them, so that the
two pictures of a pair can share a camera and differ in their noise only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np

from fexdata.render.photo.scene import Camera

Rig = Literal["selfie", "webcam", "phone", "portrait", "studio", "press"]
Quality = Literal["crisp", "ordinary", "poor"]
RIGS: tuple[Rig, ...] = get_args(Rig)
QUALITIES: tuple[Quality, ...] = get_args(Quality)

_RIGS: dict[Rig, tuple[tuple[float, float], tuple[float, float], float]] = {
    # distance mm, focal length as on 35 mm film, how often the face is off the lens axis
    "selfie": ((330, 650), (24, 30), 0.5),
    "webcam": ((450, 800), (26, 35), 0.3),
    "phone": ((700, 1800), (26, 55), 0.7),
    "portrait": ((1100, 2600), (50, 105), 0.4),
    "studio": ((1600, 3000), (70, 135), 0.0),
    "press": ((2500, 8000), (85, 135), 0.8),
}
_RIG_SHARES = (0.12, 0.08, 0.28, 0.27, 0.1, 0.15)

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_TONE_STEPS = 4096
_TONE_WHITE = 8.0
"""Radiance that the tone curve still tells from white."""


@dataclass(frozen=True, slots=True)
class View:
    """A camera, and where it sees the head."""

    camera: Camera
    translation: tuple[float, float, float]
    """Millimetres to add to the turned head's vertices to bring them into the camera's frame."""
    rig: Rig
    distance: float
    """Millimetres from the camera to the face's middle."""
    focal_length: float
    """Millimetres, as on 35 mm film: of the whole photograph that the picture is cut from."""


@dataclass(frozen=True, slots=True)
class Development:
    """What lens, sensor and file do to one picture. Lengths are in pixels of a 256-pixel picture."""

    quality: Quality
    exposure: float
    """Factor beside what the camera's meter asks for."""
    white_balance: tuple[float, float, float]
    """Gains of red, green and blue: the error left after the camera's correction."""
    contrast: float
    """Strength of the S of the tone curve: 0 none, 1 strong."""
    saturation: float
    lens_blur: float
    """Standard deviation."""
    motion: tuple[float, float]
    """Vector of the shake."""
    lateral_colour: float
    """Relative difference in magnification of red and blue."""
    vignette: float
    """Light lost in the corners, 0..1."""
    shot_noise: float
    """Standard deviation at radiance 1, of noise that grows with the root of the light."""
    read_noise: float
    denoise: float
    """Standard deviation of the smoothing of luminance noise; colour is smoothed three times as far."""
    sharpening: float
    reduction: float
    """Size at which the file was kept, of the picture's; 1 for full size."""
    jpeg_quality: int


def draw_camera(
    rng: np.random.Generator,
    size: tuple[int, int],
    *,
    centre: np.ndarray,
    extent: float,
    rig: Rig | None = None,
    fill: tuple[float, float] = (0.58, 0.72),
    offset: float = 0.03,
) -> View:
    """Where the camera stands, so that the face fills the wanted part of the picture.

    centre, extent: middle (3,) and height of the turned face in millimetres, in the head's frame
    after rotation; `fill`: share of the picture's shorter side that `extent` takes, lowest and
    highest; `offset`: standard deviation of the face's place in the picture, in shares of its side.

    The distance decides the perspective. A face that was not in the middle of its photograph is
    seen aslant: then the principal point lies outside the middle of the picture cut from it.
    """
    rig = rig or RIGS[rng.choice(len(RIGS), p=_RIG_SHARES)]
    distances, focals, aside = _RIGS[rig]
    distance = float(np.exp(rng.uniform(*np.log(distances))))
    focal_length = float(np.exp(rng.uniform(*np.log(focals))))
    width, height = size
    focal = float(rng.uniform(*fill) * min(size) * distance / extent)
    place = rng.normal(0, offset, 2).clip(-2 * offset, 2 * offset) * min(size)
    # 36 mm x 24 mm of film: how far from the axis a face can be, as a tangent.
    slant = rng.uniform(-0.55, 0.55, 2) * (rng.random() < aside) * np.array([18.0, 12.0]) / focal_length
    middle = np.array([(width - 1) / 2, (height - 1) / 2]) + place
    axis = middle - slant * focal
    translation: np.ndarray = np.array([slant[0] * distance, slant[1] * distance, distance]) - np.asarray(
        centre, np.float64
    )
    return View(
        camera=Camera(focal=focal, centre=(float(axis[0]), float(axis[1])), size=size),
        translation=(float(translation[0]), float(translation[1]), float(translation[2])),
        rig=rig,
        distance=distance,
        focal_length=focal_length,
    )


def draw_development(rng: np.random.Generator, quality: Quality | None = None) -> Development:
    """The strengths of one picture: a third crisp, half ordinary, the rest poor, as on the web."""
    quality = quality or QUALITIES[rng.choice(3, p=(0.38, 0.44, 0.18))]
    level = QUALITIES.index(quality)
    warmth, tint = rng.normal(0, (0.02, 0.035, 0.055)[level]), rng.normal(0, (0.008, 0.013, 0.02)[level])
    shake = rng.normal(0, 1, 2) * (rng.random() < (0.03, 0.12, 0.3)[level]) * (0.5, 0.8, 1.3)[level]
    return Development(
        quality=quality,
        exposure=float(np.exp(rng.normal(0, (0.09, 0.16, 0.26)[level]))),
        white_balance=(float(np.exp(warmth + tint)), float(np.exp(-tint)), float(np.exp(-warmth + tint))),
        contrast=float(rng.uniform(0.15, 0.7)),
        saturation=float(rng.normal(1.02, (0.04, 0.08, 0.12)[level])),
        lens_blur=float(rng.uniform(*((0.25, 0.45), (0.35, 0.75), (0.6, 1.1))[level])),
        motion=(float(shake[0]), float(shake[1])),
        lateral_colour=float(rng.normal(0, (0.0004, 0.001, 0.002)[level])),
        vignette=float(rng.uniform(0, (0.08, 0.12, 0.16)[level])),
        shot_noise=float(np.exp(rng.uniform(*np.log(((0.005, 0.014), (0.01, 0.03), (0.022, 0.065))[level])))),
        read_noise=float(np.exp(rng.uniform(*np.log(((0.0004, 0.0015), (0.0008, 0.003), (0.002, 0.007))[level])))),
        denoise=float(rng.uniform(*((0.0, 0.45), (0.3, 0.7), (0.5, 0.9))[level])),
        sharpening=float(rng.uniform(*((0.2, 0.7), (0.2, 1.1), (0.0, 1.3))[level])),
        reduction=float(rng.uniform(*((1.0, 1.0), (0.75, 1.0), (0.45, 0.8))[level])),
        jpeg_quality=int(rng.integers(*((88, 98), (72, 94), (38, 76))[level])),
    )


def develop(radiance: np.ndarray, development: Development, rng: np.random.Generator) -> np.ndarray:
    """The photograph, (H, W, 3) uint8 sRGB, of linear radiance (H, W, 3); `rng` draws the noise.

    The meter is weighted to the middle and only partly makes up for a dark or bright scene, as in
    cameras: skin of every tone stays its own.
    """
    picture = np.ascontiguousarray(radiance, np.float32)
    scale = min(picture.shape[:2]) / 256
    picture = _through_lens(picture, development, scale)
    gains = np.array(development.white_balance, np.float32)
    picture = picture * (development.exposure * _meter(picture) * gains)
    picture = _sense(picture, development, rng, scale)
    encoded = _tone(picture, development.contrast)
    luma = (encoded @ _LUMA)[..., None]
    encoded = luma + (encoded - luma) * development.saturation
    encoded = _keep(encoded, development, scale)
    return _as_file(encoded, development.jpeg_quality)


def _through_lens(picture: np.ndarray, development: Development, scale: float) -> np.ndarray:
    height, width = picture.shape[:2]
    sigma = development.lens_blur * scale
    picture = cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    shake = np.array(development.motion) * scale
    if np.hypot(*shake) > 0.3:
        picture = cv2.filter2D(picture, -1, _streak(shake), borderType=cv2.BORDER_REPLICATE)
    if abs(development.lateral_colour) > 2e-4:
        picture = picture.copy()
        for channel, sign in ((0, 1), (2, -1)):
            factor = 1 + sign * development.lateral_colour
            shift = np.array([(1 - factor) * (width - 1) / 2, (1 - factor) * (height - 1) / 2])
            matrix = np.array([[factor, 0, shift[0]], [0, factor, shift[1]]])
            picture[..., channel] = cv2.warpAffine(
                picture[..., channel], matrix, (width, height), borderMode=cv2.BORDER_REPLICATE
            )
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return picture * (1 - development.vignette * ((x * x + y * y) / 2) ** 1.5).astype(np.float32)[..., None]


def _streak(shake: np.ndarray) -> np.ndarray:
    # A line of the shake's length through the middle of a small kernel, drawn by many soft dots.
    reach = int(np.ceil(np.abs(shake).max())) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    along = np.linspace(-0.5, 0.5, 15)[:, None, None]
    kernel = np.exp(-((x - along * shake[0]) ** 2 + (y - along * shake[1]) ** 2) / 0.3).sum(axis=0)
    return (kernel / kernel.sum()).astype(np.float32)


def _meter(picture: np.ndarray) -> float:
    # On 32 x 32 means; the middle counts most, and extremes count by their logarithm.
    small = cv2.resize(picture, (32, 32), interpolation=cv2.INTER_AREA) @ _LUMA
    y, x = np.ogrid[-1:1:32j, -1:1:32j]
    weight = np.exp(-(x * x + y * y) / 0.35)
    mean = np.exp((weight * np.log(small + 0.01)).sum() / weight.sum())
    return float((0.27 / mean) ** 0.35)


def _sense(picture: np.ndarray, development: Development, rng: np.random.Generator, scale: float) -> np.ndarray:
    spread = np.sqrt(development.shot_noise**2 * picture.clip(0) + development.read_noise**2)
    noise = rng.standard_normal(picture.shape, np.float32) * spread
    if development.denoise <= 0.2:
        return (picture + noise).clip(0)
    # Denoising smooths what it takes for noise: fine, faint luminance, and colour three times as far.
    luma = (noise @ _LUMA)[..., None]
    sigma = development.denoise * max(scale, 1.0)
    colour = cv2.GaussianBlur(noise - luma, (0, 0), 3 * sigma)
    smooth = cv2.GaussianBlur(luma, (0, 0), sigma)[..., None]
    picture = (picture + smooth + colour).clip(0)
    eased = cv2.GaussianBlur(picture, (0, 0), max(sigma, 0.5))
    difference = eased - picture
    faint = np.exp(
        -(
            ((difference @ _LUMA)[..., None] / (2.5 * (development.shot_noise * 0.5 + development.read_noise) + 1e-4))
            ** 2
        )
    )
    return picture + difference * (0.75 * min(development.denoise, 1.0) * faint)


def _tone(picture: np.ndarray, contrast: float) -> np.ndarray:
    """sRGB in 0..1: straight in the shadows, rolled off in the highlights, with an S."""
    # Looked up by the root of the light, which spends the table's steps as the eye does.
    x = np.linspace(0, 1, _TONE_STEPS) ** 2 * _TONE_WHITE
    knee = 0.55
    rolled = np.where(x < knee, x, knee + (1 - knee) * (1 - np.exp(-(x - knee) / (1 - knee))))
    encoded = np.where(rolled <= 0.0031308, 12.92 * rolled, 1.055 * rolled ** (1 / 2.4) - 0.055)
    # An S about sRGB 0.5 that leaves black, middle and white in place.
    table = encoded + contrast * 0.35 * encoded * (1 - encoded) * (2 * encoded - 1)
    index = np.sqrt(picture.clip(0, _TONE_WHITE) / _TONE_WHITE) * (_TONE_STEPS - 1) + 0.5
    return table.astype(np.float32)[index.astype(np.int32)]


def _keep(encoded: np.ndarray, development: Development, scale: float) -> np.ndarray:
    # Sharpening happens before the file is made smaller and larger again by the web.
    height, width = encoded.shape[:2]
    blurred = cv2.GaussianBlur(encoded, (0, 0), 0.9 * max(scale, 1.0))
    edges = (encoded - blurred).clip(-0.12, 0.12)
    encoded = encoded + development.sharpening * edges
    if development.reduction < 0.97:
        small = (max(16, round(width * development.reduction)), max(16, round(height * development.reduction)))
        encoded = cv2.resize(encoded, small, interpolation=cv2.INTER_AREA)
        encoded = cv2.resize(encoded, (width, height), interpolation=cv2.INTER_CUBIC)
    return encoded


def _as_file(encoded: np.ndarray, quality: int) -> np.ndarray:
    pixels = (encoded * 255 + 0.5).clip(0, 255).astype(np.uint8)
    sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if quality >= 90 else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    _, file = cv2.imencode(".jpg", pixels[..., ::-1], options)
    return np.ascontiguousarray(cv2.imdecode(file, cv2.IMREAD_COLOR)[..., ::-1])
