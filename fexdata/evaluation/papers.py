"""The papers' own figures, as printed, and which of ours stand beside them.

A figure of ours is comparable with a paper's only on the paper's data, at its size, judged by its
network; `PaperTable.data` and `judge` say what those were.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PaperTable:
    """One table, or a part of one."""

    paper: str
    table: str
    data: str
    corpus: str
    """The corpus here on which the same can be measured; "" where there is none."""
    judge: str
    methods: tuple[str, ...]
    """Our methods whose figures belong beside it."""
    columns: tuple[tuple[str, str], ...]
    """(the paper's word, how our result's name begins; "" where we do not measure it)."""
    rows: tuple[tuple[str, tuple[float | str, ...]], ...]


DENSE = "Bodur et al., 3D Dense Geometry-Guided Facial Expression Synthesis, WACV 2021"
GCGAN = "Qiao et al., Geometry-Contrastive GAN, 2018"
SLIDER = "Ververas and Zafeiriou, SliderGAN, IJCV 2020"
DEFGAN = "Athar et al., Self-supervised Deformation Modeling, FG 2020"
FINE = "Ling et al., Toward Fine-grained Facial Expression Manipulation, ECCV 2020"

_DENSE_COLUMNS = (
    ("accuracy", "expression_rate["),
    ("FID", "fid[inception"),
    ("PSNR", "psnr[cycle]"),
    ("SSIM", "ssim[cycle]"),
)
_FINE_COLUMNS = (
    ("IS", "is[inception"),
    ("ACD", ""),
    ("ED", "expression_distance["),
)

TABLES = (
    PaperTable(
        DENSE, "table 1", "AffectNet, 6 classes", "affectnet", "a classifier that the paper does not name",
        ("dense-geometry", "stargan", "ganimation"), _DENSE_COLUMNS,
        (
            ("StarGAN", (0.821, 16.33, 32.96, 0.79)),
            ("GANimation", (0.743, 18.86, 32.12, 0.74)),
            ("GANnotation", (0.826, 17.36, 32.54, 0.77)),
            ("depth, no penalty", (0.859, 14.03, 33.88, 0.82)),
            ("normals and penalty", (0.839, 13.29, 33.59, 0.81)),
            ("depth and penalty", (0.872, 13.35, 35.29, 0.84)),
        ),
    ),
    PaperTable(
        DENSE, "table 2", "RaFD, 8 classes", "rafd", "a classifier that the paper does not name",
        ("dense-geometry", "stargan"), _DENSE_COLUMNS,
        (("StarGAN", (0.531, 39.45, 31.19, 0.75)), ("dense-geometry", (0.62, 35.14, 32.57, 0.79))),
    ),
    PaperTable(
        GCGAN, "table 1", "Multi-PIE", "multipie", "the true picture of the same person",
        ("gcgan", "cdaae", "spg"), (("SSIM", "ssim[target]"), ("PSNR", "psnr[target]")),
        (
            ("full", (0.687, 26.731)), ("without L_ir", (0.663, 25.917)), ("without L_gr", (0.682, 26.701)),
            ("without L_contr", (0.675, 26.433)), ("CDAAE", (0.669, 26.371)),
        ),
    ),
    PaperTable(
        GCGAN, "table 1", "CK+", "ckplus", "the true picture of the same person",
        ("gcgan", "cdaae", "spg"), (("SSIM", "ssim[target]"), ("PSNR", "psnr[target]")),
        (
            ("full", (0.769, 27.665)), ("without L_ir", (0.756, 26.781)), ("without L_gr", (0.768, 27.463)),
            ("without L_contr", (0.763, 27.325)), ("CDAAE", (0.765, 26.973)),
        ),
    ),
    PaperTable(
        GCGAN, "table 2", "CelebA drivers", "", "VGG-Face, conv5_3, cosine 0.65; the method's own E",
        ("gcgan", "spg"),
        (("verification", "verification_rate[vggface"), ("similarity", "expression_similarity[own E]")),
        (("full", (0.977, 0.896)), ("without L_contr", (0.942, 0.880)), ("SPG", (0.875, 0.854))),
    ),
    PaperTable(
        SLIDER, "table 1", "4DFAB renders", "", "the true picture of the same person",
        ("slidergan", "ganimation"), (("IED", "ied[target]"),),
        (("GANimation", (1.04e-2,)), ("SliderGAN-WGP", (7.932e-3,)), ("SliderGAN-RaD", (6.84e-3,))),
    ),
    PaperTable(
        SLIDER, "table 3", "LRW-3D", "", "the true picture of the same person",
        ("slidergan",), (("IED", "ied[target]"),),
        (("GANimation", (3.07e-2,)), ("SliderGAN-WGP", (1.14e-2,)), ("SliderGAN-RaD", (9.35e-3,))),
    ),
    PaperTable(
        SLIDER, "table 2", "EmotioNet, 7 expressions", "", "a recogniser trained on RAF-DB",
        ("slidergan", "ganimation"), (("accuracy", "expression_rate["),),
        (("GANimation", (0.579,)), ("SliderGAN-WGP", (0.614,)), ("SliderGAN-RaD", (0.636,))),
    ),
    PaperTable(
        SLIDER, "table 4", "EmotioNet", "", "the method's own critic",
        ("slidergan", "ganimation"),
        (("real pictures", "condition_error[real]"), ("edited pictures", "condition_error[generated]")),
        (("SliderGAN", (0.131, 0.258)), ("GANimation", (0.427, 0.513))),
    ),
    PaperTable(
        DEFGAN, "table 1", "CelebA-HQ", "", "Inception-v3", ("defgan", "ganimation"), (("FID", "fid[inception"),),
        (("GANimation", (4.75,)), ("DefGAN", (3.82,))),
    ),
    PaperTable(
        FINE, "table 1", "AffectNet, 17 action units of OpenFace", "affectnet", "Inception-v3, dlib, OpenFace 2",
        ("fine-grained", "ganimation"), _FINE_COLUMNS,
        (
            ("real pictures", (3.024, "", "")),
            ("GANimation", (2.861, 0.395, 0.313)),
            ("GANimation with v_rel", (2.901, 0.352, 0.661)),
            ("k = 0", (2.809, 0.335, 0.636)),
            ("k = 1", (2.864, 0.349, 0.609)),
            ("k = 2", (2.899, 0.345, 0.422)),
            ("full, k = 3", (2.940, 0.375, 0.275)),
            ("without v_rel", (2.808, 0.426, 0.290)),
        ),
    ),
    PaperTable(
        FINE, "table 3", "AffectNet", "affectnet", "the input, given its own expression",
        ("fine-grained", "ganimation"), (("L1", "l1[zero]"), ("PSNR", "psnr[zero]"), ("SSIM", "ssim[zero]")),
        (
            ("GANimation", (0.049, 23.76, 0.901)),
            ("GANimation with v_rel", (0.022, 29.11, 0.954)),
            ("without v_rel", (0.025, 28.83, 0.972)),
            ("full", (0.018, 31.89, 0.986)),
        ),
    ),
)  # fmt: skip


def tables_for(method: str) -> list[PaperTable]:
    """The tables beside which a method's figures belong."""
    return [table for table in TABLES if method in table.methods]
