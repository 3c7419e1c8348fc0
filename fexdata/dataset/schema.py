"""The manifest in one table: the columns that every dataset has, whatever its stages.

Columns that a stage computes are declared by that stage and join these; see
`fexdata.dataset.fields.column` for what each declaration carries.
"""

from __future__ import annotations

import pyarrow as pa

from fexdata.dataset.fields import column

S, F, INT = pa.string(), pa.float32(), pa.int32()

IDENTITY = [
    column("sample_id", S, "Hash of corpus, key, frame and face slot: 32 hexadecimal digits."),
    column("corpus", S, "The corpus's name."),
    column("source_path", S, "Path of the photograph below the corpus's root; bytes that are not UTF-8 as \\xNN."),
    column("source_sha256", S, "Hash of the photograph's file; null when it could not be read."),
    column("frame", INT, "Frame number within a film, image sequence or animated file."),
    column("face_slot", INT, "Which face of the photograph, from left to right, from 0."),
    column("parent_id", S, "For derived pictures: the row they were made from."),
    column("variant", S, "For derived pictures: which of the parent's variants."),
    column("source_kind", S, "photo, warp or render."),
    column("pair_group", S, "Rows with the same value show the same person, camera and light."),
]

LABELS = [
    column("expression", S, "neutral, happy, sad, surprise, fear, disgust, anger, contempt, or null."),
    column("corpus_label", S, "The corpus's own word for the expression."),
    column("valence", F, "Displeasure to pleasure.", unit="-1 to 1"),
    column("arousal", F, "Calm to excited.", unit="-1 to 1"),
    column("subject", S, "Who is shown, where the corpus knows."),
    column("session", S, "The corpus's session name."),
    column("recording", S, "The corpus's recording name."),
    column("sequence", S, "The film or image sequence that the photograph belongs to."),
    column("frame_role", S, "neutral, onset, apex or offset within its sequence."),
    column(
        "camera_angle",
        F,
        "Camera left or right of the face.",
        unit="degrees",
        mirror="negate",
        convention="negative: the camera sees the face's right side",
    ),
    column("gaze", S, "left, frontal or right, as seen in the picture.", mirror="swap_left_right"),
    column("illumination", S, "The corpus's name for the light."),
    column(
        "facs",
        S,
        "The corpus's own FACS code: action units, with grades A to E where it has them, as in 4C 17; with a minus "
        "those that are known to be absent, as in 1 12 -4.",
    ),
]

VERDICT = [
    column("split", S, "train, val or test; a subject or duplicate group never spans two."),
    column("duplicate_group", S, "Rows with the same value are near-duplicates; null when there is none."),
    column("status", S, "accepted, review, rejected or failed."),
    column("reasons", pa.list_(S), "Which rules the status comes from."),
    column("decided_by", S, "rules, or the reviewer whose decision stands."),
    column("failure_stage", S, "The stage that failed."),
    column("failure_code", S, "Why, as one of a closed list of codes."),
    column("failure_message", S, "Why, as a sentence."),
]

PLACE = [
    column("shard", S, "Name of the shard that holds the row's pictures; null when it has no crop."),
    column("shard_row", INT, "Row number within that shard."),
]

STATUSES = ("accepted", "review", "rejected", "failed")
