"""The colour of skin from what colours it: melanin above, blood below.

Two layers in the manner of Donner and Jensen 2006 ("A spectral BSSRDF for shading human skin") and Jimenez et al. 2010
("A practical appearance model for dynamic facial color"): a thin epidermis with melanin on a thick dermis with blood.
Each is solved with Kubelka and Munk's equations at 31 wavelengths; the CIE 1931 observer under a flat spectrum, adapted
to sRGB's white, turns the result into linear sRGB. Colours made this way stay between ivory and dark brown: no amount
of melanin or blood gives grey or orange plastic.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

WAVELENGTHS = np.arange(400.0, 701.0, 10.0)
"""Nanometres."""
MELANIN_RANGE = (0.004, 0.6)
HAEMOGLOBIN_RANGE = (0.002, 0.3)
"""What the table spans; beyond it colours are those of its edge."""

EPIDERMIS_MM = 0.075
CLUMPED = 0.3
"""Share of the melanin's absorption that is grey; ours, set so that brown skin (L* 40) has a* of about 12."""
GREEN = 15
"""Index of 550 nm."""
OXYGENATION = 0.75
"""Share of the blood's haemoglobin that carries oxygen."""

# Molar extinction of haemoglobin, 1/(cm mol/l), at WAVELENGTHS (S. Prahl, "Tabulated molar extinction coefficient
# for hemoglobin in water", Oregon Medical Laser Center 1998): with oxygen, without.
OXYHAEMOGLOBIN = np.array(
    [266232, 466840, 480360, 246072, 102580, 62816, 44480, 33209, 26629, 23684, 20933, 20035, 24202, 39957, 53236,
     43016, 32613, 44496, 50104, 14401, 3200, 1506, 942, 610, 442, 368, 320, 294, 278, 276, 290.0]
)  # fmt: skip
DEOXYHAEMOGLOBIN = np.array(
    [223296, 303956, 407560, 528600, 413280, 103292, 23389, 16156, 14550, 16684, 20862, 25774, 31590, 39036, 46592,
     53412, 53788, 45072, 37020, 28324, 14677, 9444, 6510, 5149, 4345, 3750, 3227, 2795, 2408, 2052, 1794.0]
)  # fmt: skip
BLOOD_MOLES = 150 / 64500
"""Haemoglobin in blood, mol/l: 150 g/l of 64.5 kg/mol."""


@dataclass(frozen=True, slots=True, eq=False)
class ColourTable:
    """Linear sRGB reflectance over melanin (rows) and blood (columns), both in even steps of their logarithm."""

    values: np.ndarray
    """(rows, columns, 3) float32."""

    def colour(self, log_melanin: np.ndarray, log_haemoglobin: np.ndarray) -> np.ndarray:
        """Reflectance where these are the natural logarithms of the shares: (h, w) each, to (h, w, 3) float32."""
        rows = _steps(log_melanin, MELANIN_RANGE, self.values.shape[0])
        columns = _steps(log_haemoglobin, HAEMOGLOBIN_RANGE, self.values.shape[1])
        return cv2.remap(self.values, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def colour_table(eumelanin: float, rows: int = 64, columns: int = 48) -> ColourTable:
    """The colours of skin whose melanin is by this share (0..1) eumelanin and else pheomelanin."""
    melanin = np.geomspace(*MELANIN_RANGE, rows)[:, None, None]
    blood = np.geomspace(*HAEMOGLOBIN_RANGE, columns)[None, :, None]
    spectrum = reflectance(melanin, blood, eumelanin)
    return ColourTable(np.clip(spectrum @ _spectrum_to_rgb(), 0, 1).astype(np.float32))


def reflectance(melanin: np.ndarray, haemoglobin: np.ndarray, eumelanin: float) -> np.ndarray:
    """Diffuse reflectance at each of the 31 `WAVELENGTHS`, which is the arguments' last axis (of length 1)."""
    nm = WAVELENGTHS
    # Absorption of pigment and of bloodless tissue, 1/mm: Donner and Jensen 2006.
    pigment = eumelanin * 6.6e10 * nm**-3.33 + (1 - eumelanin) * 2.9e14 * nm**-4.75
    # Melanosomes stand in clumps, which light passes or not whatever its wavelength: part of what they take is grey.
    pigment = (1 - CLUMPED) * pigment + CLUMPED * pigment[GREEN]
    baseline = 0.0244 + 8.53 * np.exp(-(nm - 154) / 66.2)
    extinction = OXYGENATION * OXYHAEMOGLOBIN + (1 - OXYGENATION) * DEOXYHAEMOGLOBIN
    blood = np.log(10) * extinction * BLOOD_MOLES / 10
    # Carotenoids and bilirubin, which fat and serum carry: one band. Its strength is ours, set so that light skin has
    # b* of about 15 and flushed skin does not turn purple.
    yellow = np.exp(-0.5 * ((nm - 452) / 34) ** 2)
    # Reduced scattering, 1/mm: Mie and Rayleigh parts (Jacques 1998, "Skin optics"). The second is mostly that of
    # collagen, which the epidermis lacks.
    mie, rayleigh = 2e4 * nm**-1.5, 2e11 * nm**-4
    epidermis, through = _layer(melanin * pigment + (1 - melanin) * baseline, mie + 0.15 * rayleigh, EPIDERMIS_MM)
    dermis, _ = _layer(haemoglobin * (blood + 17 * yellow) + 0.10 * yellow + baseline, mie + rayleigh, np.inf)
    return epidermis + through**2 * dermis / (1 - epidermis * dermis)


def _layer(absorption: np.ndarray, scattering: np.ndarray, thickness: float) -> tuple[np.ndarray, np.ndarray]:
    """Kubelka and Munk: reflectance and transmittance of one layer (coefficients per mm, thickness in mm)."""
    k, s = 2 * absorption, 0.75 * scattering
    a = 1 + k / s
    b = np.sqrt(a**2 - 1)
    if np.isinf(thickness):
        return a - b, np.zeros_like(a)
    decay = b * s * thickness
    below = a * np.sinh(decay) + b * np.cosh(decay)
    return np.sinh(decay) / below, b / below


def _spectrum_to_rgb() -> np.ndarray:
    """(31, 3) weights that take a reflectance spectrum to linear sRGB; a white spectrum gives (1, 1, 1).

    The observer's colour-matching functions in the closed form of Wyman, Sloan and Shirley 2013.
    """

    def lobe(centre: float, below: float, above: float) -> np.ndarray:
        width = np.where(centre > WAVELENGTHS, below, above)
        return np.exp(-0.5 * ((WAVELENGTHS - centre) / width) ** 2)

    x = 1.056 * lobe(599.8, 37.9, 31.0) + 0.362 * lobe(442.0, 16.0, 26.7) - 0.065 * lobe(501.1, 20.4, 26.2)
    y = 0.821 * lobe(568.8, 46.9, 40.5) + 0.286 * lobe(530.9, 16.3, 31.1)
    z = 1.217 * lobe(437.0, 11.8, 36.0) + 0.681 * lobe(459.0, 26.0, 13.8)
    xyz = np.stack([x, y, z], axis=1)
    to_rgb = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
    white = np.array([0.95047, 1.0, 1.08883])
    return (xyz / xyz.sum(axis=0) * white) @ to_rgb.T


def _steps(logarithm: np.ndarray, span: tuple[float, float], count: int) -> np.ndarray:
    low, high = np.log(span)
    scale = (count - 1) / (high - low)
    steps: np.ndarray = (logarithm.astype(np.float32, copy=False) - np.float32(low)) * np.float32(scale)
    return steps
