"""MediaPipe's bundled networks, one call each: a small square picture in, numbers out.

MediaPipe's own solutions copy the whole photograph into a graph, sample it there without an area
prefilter, and hide how sure the landmark network is. The graphs here are the same networks and
the same post-processing, without that: whoever calls cuts the square out, and its pixels go to
the network as they are. A graph runs on the thread that calls it, and nothing is carried over
from one picture to the next.

Networks (Apache-2.0, in MediaPipe's wheel): BlazeFace short range (128 x 128; Bazarevsky et al.
2019, arXiv:1907.05047) and full range (192 x 192), Attention Mesh (192 x 192; Grishchenko et al.
2020, arXiv:2006.10962).
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import importlib.util
import math
import os
import string
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from fexdata.errors import FexdataError

MODELS = {
    "blazeface-short-range": "face_detection/face_detection_short_range.tflite",
    "blazeface-full-range": "face_detection/face_detection_full_range_sparse.tflite",
    "attention-mesh": "face_landmark/face_landmark_with_attention.tflite",
}
"""The networks used, by the names under which fingerprints know them."""

LANDMARKS = 478
LANDMARK_SIDE = 192


SIZE = {"short": 1.09, "full": 1.03}
LIFT = {"short": 0.04, "full": 0.0}
"""How much larger, and by what share of itself higher, the box of the landmarks is than that of
the detector: means over 12 faces in 12 random squares each. Starting from there, a single look of
the landmark network is as good as it can be."""


@dataclass(frozen=True, slots=True)
class Detection:
    """What a detector saw, in pixels of the square it was given, pixel centres at integers."""

    centre: np.ndarray
    """(2,) float64: the expected middle of the landmarks' box."""
    side: float
    """The expected longer side of the landmarks' box."""
    score: float
    eyes: np.ndarray
    """(2, 2) float64: the eye that is left in an upright picture, then the right one."""


class Detector:
    """BlazeFace. `side` is that of the square picture it takes; not for several threads at once."""

    def __init__(self, reach: Literal["short", "full"]) -> None:
        self.side = 128 if reach == "short" else 192
        self._size, self._lift = SIZE[reach], LIFT[reach]
        text = string.Template(_PIXELS + _DETECT).substitute(_RANGES[reach], SIDE=self.side, DARK=-1)
        self._graph = _Graph(text, ("detections",), self.side)

    def __call__(self, square: np.ndarray) -> list[Detection]:
        """All faces in a (side, side, 3) uint8 RGB picture, best first."""
        packet = self._graph.run(square).get("detections")
        if packet is None:
            return []
        from mediapipe.python import packet_getter

        found = [self._detection(proto) for proto in packet_getter.get_proto_list(packet)]
        return sorted(found, key=lambda d: -d.score)

    def _detection(self, proto: Any) -> Detection:
        box = proto.location_data.relative_bounding_box
        eyes = np.array([(p.x, p.y) for p in proto.location_data.relative_keypoints[:2]]) * self.side - 0.5
        # MediaPipe's fractions count from the picture's edge, half a pixel before the first centre.
        centre = np.array([box.xmin + box.width / 2, box.ymin + box.height / 2]) * self.side - 0.5
        side = max(box.width, box.height) * self.side
        (ax, ay), (bx, by) = eyes
        up = np.array([by - ay, ax - bx]) / max(math.hypot(bx - ax, by - ay), 1e-9)
        return Detection(centre + self._lift * side * up, self._size * side, proto.score[0], eyes)


class LandmarkNetwork:
    """Attention Mesh: 478 points with refined lips, eyes and irises; not for several threads at once."""

    side = LANDMARK_SIDE

    def __init__(self) -> None:
        text = string.Template(_PIXELS + _LANDMARKS).substitute(DARK=0)
        self._graph = _Graph(text, ("landmarks", "presence"), self.side)

    def __call__(self, square: np.ndarray) -> tuple[np.ndarray, float]:
        """(478, 3) float64 in pixels of the (192, 192, 3) uint8 RGB square, pixel centres at
        integers, z (away from the viewer) in the same unit; and the network's own probability,
        0 to 1, that the square shows a face."""
        from mediapipe.python import packet_getter

        packets = self._graph.run(square)
        wire = packet_getter.get_proto(packets["landmarks"]).SerializeToString()
        # Each point is 17 bytes on the wire: two of framing, then tag and float32 three times.
        # Reading them as one array is ten times faster than asking for 1434 attributes.
        points: np.ndarray = np.ndarray((LANDMARKS, 3), "<f4", wire, offset=3, strides=(17, 5))
        landmarks = points.astype(np.float64) * self.side
        landmarks[:, :2] -= 0.5
        return landmarks, float(packet_getter.get_float(packets["presence"]))


@functools.cache
def network_hashes() -> dict[str, str]:
    """sha256 of every network file, by name. Raises `FexdataError` when MediaPipe lacks one."""
    found = importlib.util.find_spec("mediapipe")
    folders = list(found.submodule_search_locations or ()) if found else []
    hashes = {}
    for name, part in MODELS.items():
        path = Path(*folders[:1], "modules", part)
        if not path.is_file():
            raise FexdataError(f"MediaPipe's network {part} was not found: pip install mediapipe==0.10.21")
        hashes[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return hashes


_PIXELS = """
executor { type: "ApplicationThreadExecutor" }
input_stream: "IMAGE:image"
node {
  calculator: "TensorConverterCalculator"
  input_stream: "IMAGE:image"
  output_stream: "TENSORS:pixels"
  options { [mediapipe.TensorConverterCalculatorOptions.ext] { output_tensor_float_range { min: $DARK max: 1 } } }
}
"""

# What MediaPipe's FaceDetection graph does after its resampling; the anchors are those that the
# networks were trained with (strides: one cell of each size of feature map).
_DETECT = """
node {
  calculator: "InferenceCalculatorCpu"
  input_stream: "TENSORS:pixels"
  output_stream: "TENSORS:answers"
  options {
    [mediapipe.InferenceCalculatorOptions.ext] {
      model_path: "mediapipe/modules/$MODEL"
      delegate { xnnpack { num_threads: 1 } }
    }
  }
}
node {
  calculator: "SsdAnchorsCalculator"
  output_side_packet: "anchors"
  options {
    [mediapipe.SsdAnchorsCalculatorOptions.ext] {
      input_size_width: $SIDE input_size_height: $SIDE num_layers: $LAYERS strides: [$STRIDES]
      min_scale: 0.1484375 max_scale: 0.75 anchor_offset_x: 0.5 anchor_offset_y: 0.5
      aspect_ratios: 1 interpolated_scale_aspect_ratio: $SECOND fixed_anchor_size: true
    }
  }
}
node {
  calculator: "TensorsToDetectionsCalculator"
  input_stream: "TENSORS:answers"
  input_side_packet: "ANCHORS:anchors"
  output_stream: "DETECTIONS:overlapping"
  options {
    [mediapipe.TensorsToDetectionsCalculatorOptions.ext] {
      num_classes: 1 num_boxes: $BOXES num_coords: 16 box_coord_offset: 0
      keypoint_coord_offset: 4 num_keypoints: 6 num_values_per_keypoint: 2
      x_scale: $SIDE y_scale: $SIDE w_scale: $SIDE h_scale: $SIDE reverse_output_order: true
      sigmoid_score: true score_clipping_thresh: 100 min_score_thresh: $SCORE
    }
  }
}
node {
  calculator: "NonMaxSuppressionCalculator"
  input_stream: "overlapping"
  output_stream: "detections"
  options {
    [mediapipe.NonMaxSuppressionCalculatorOptions.ext] {
      min_suppression_threshold: 0.3 overlap_type: INTERSECTION_OVER_UNION algorithm: WEIGHTED
    }
  }
}
"""

_RANGES: dict[str, dict[str, object]] = {
    "short": {
        "MODEL": MODELS["blazeface-short-range"],
        **{"BOXES": 896, "LAYERS": 4, "STRIDES": "8, 16, 16, 16", "SECOND": 1, "SCORE": 0.5},
    },
    "full": {
        "MODEL": MODELS["blazeface-full-range"],
        **{"BOXES": 2304, "LAYERS": 1, "STRIDES": "4", "SECOND": 0, "SCORE": 0.6},
    },
}

# MediaPipe's FaceLandmarkCpu with three changes: no region of interest (the square is the region),
# the presence score is an output, and landmarks come out whatever that score is.
_LANDMARKS = """
node {
  calculator: "ConstantSidePacketCalculator"
  output_side_packet: "PACKET:with_attention"
  options { [mediapipe.ConstantSidePacketCalculatorOptions.ext] { packet { bool_value: true } } }
}
node {
  calculator: "FaceLandmarksModelLoader"
  input_side_packet: "WITH_ATTENTION:with_attention"
  output_side_packet: "MODEL:model"
}
node { calculator: "TfLiteCustomOpResolverCalculator" output_side_packet: "OP_RESOLVER:operations" }
node {
  calculator: "InferenceCalculatorCpu"
  input_stream: "TENSORS:pixels"
  output_stream: "TENSORS:answers"
  input_side_packet: "MODEL:model"
  input_side_packet: "OP_RESOLVER:operations"
  options { [mediapipe.InferenceCalculatorOptions.ext] { delegate { xnnpack { num_threads: 1 } } } }
}
node {
  calculator: "SplitTensorVectorCalculator"
  input_stream: "answers"
  output_stream: "places"
  output_stream: "flag"
  options { [mediapipe.SplitVectorCalculatorOptions.ext] { ranges { begin: 0 end: 6 } ranges { begin: 6 end: 7 } } }
}
node {
  calculator: "TensorsToFloatsCalculator"
  input_stream: "TENSORS:flag"
  output_stream: "FLOAT:presence"
  options { [mediapipe.TensorsToFloatsCalculatorOptions.ext] { activation: SIGMOID } }
}
node {
  calculator: "TensorsToFaceLandmarksWithAttention"
  input_stream: "TENSORS:places"
  output_stream: "LANDMARKS:landmarks"
}
"""

_OPTIONS = (
    "core.constant_side_packet",
    "core.split_vector",
    "tensor.inference",
    "tensor.tensor_converter",
    "tensor.tensors_to_detections",
    "tensor.tensors_to_floats",
    "tflite.ssd_anchors",
    "util.non_max_suppression",
)


class _Graph:
    """A running MediaPipe graph with one picture as input."""

    def __init__(self, text: str, outputs: tuple[str, ...], side: int) -> None:
        self._time = 0
        with _native_stderr_silenced(), _matplotlib_postponed():
            import mediapipe
            from mediapipe.python._framework_bindings import calculator_graph, resource_util

            for name in _OPTIONS:  # registers the options that the graph's text mentions
                importlib.import_module(f"mediapipe.calculators.{name}_calculator_pb2")
            resource_util.set_resource_dir(str(Path(mediapipe.__file__).parents[1]))
            self._graph = calculator_graph.CalculatorGraph(graph_config=text)
            self._packets: dict[str, Any] = {}
            for name in outputs:
                self._graph.observe_output_stream(name, self._packets.__setitem__, False)
            self._graph.start_run({})
            self.run(np.zeros((side, side, 3), np.uint8))  # networks are loaded at the first picture

    def run(self, square: np.ndarray) -> dict[str, Any]:
        """The packets that came out, by stream; a stream that stayed silent is absent."""
        from mediapipe.python import packet_creator
        from mediapipe.python._framework_bindings import image_frame

        self._packets.clear()
        self._time += 1
        picture = packet_creator.create_image_frame(square, image_format=image_frame.ImageFormat.SRGB)
        self._graph.add_packet_to_input_stream(stream="image", packet=picture.at(self._time))
        self._graph.wait_until_idle()
        return self._packets


@contextlib.contextmanager
def _native_stderr_silenced() -> Iterator[None]:
    # Loading a network prints lines for MediaPipe's developers past every Python filter, in the
    # middle of the progress bar. Errors still come as exceptions.
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


class _Postponed(types.ModuleType):
    """Stands for a module until one of its attributes is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or sys.modules.get(self.__name__) is self:
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)


@contextlib.contextmanager
def _matplotlib_postponed() -> Iterator[None]:
    # Importing any part of MediaPipe imports its drawing functions and so matplotlib's pyplot: two
    # thirds of its start (0.45 s) and 30 MB in every worker. It still draws: whatever it asks of
    # pyplot later is passed on to the real one.
    if "matplotlib" in sys.modules:
        yield
        return
    package, pyplot = _Postponed("matplotlib"), _Postponed("matplotlib.pyplot")
    package.pyplot = pyplot  # type: ignore[attr-defined]
    stand_ins = {module.__name__: module for module in (package, pyplot)}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name in stand_ins:
            del sys.modules[name]
