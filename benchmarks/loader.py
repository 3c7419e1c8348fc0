"""How fast faces reach the trainer: `python -m benchmarks.loader`.

In one run, on the same pictures, at the same size, in shuffled batches, with the same number of
worker processes: fexdata's loader from shards; torchvision's ImageFolder on the pictures as files;
Hugging Face `datasets` on the same Parquet; webdataset on tar files of the same bytes, where it is
installed. All end in a float batch (B, 3, H, W) in [-1, 1] in the parent. The arms take turns
several times; what counts are the ratios. Then one random row, and the class entropy of batches.
"""

from __future__ import annotations

import io
import resource
import statistics
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from fexdata.dataset.reader import open_dataset
from fexdata.training.data import TrainingData
from fexdata.training.loader import Faces, loader, prepare
from fexdata.training.method import Needs
from fexdata.training.sampler import BatchOrder

CPU = torch.device("cpu")
Arm = Callable[[], Iterable[torch.Tensor]]


@click.command()
@click.option("--faces", default=2000, show_default=True, help="How many pictures.")
@click.option("--stored", default=256, show_default=True, help="Their size as stored.")
@click.option("--size", default=128, show_default=True, help="The size that is trained on.")
@click.option("--batch", default=16, show_default=True, help="Faces a batch.")
@click.option("--workers", default=2, show_default=True, help="Reading processes.")
@click.option("--rounds", default=5, show_default=True, help="How often each arm runs; the first is for the cache.")
def main(faces: int, stored: int, size: int, batch: int, workers: int, rounds: int) -> None:
    """Rates and ratios of the loader, one random row, class entropy."""
    from tests.dataset_made import make_dataset

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:

        def all_training(rows: list[dict[str, Any]]) -> None:
            for row in rows:
                row["split"] = "train"

        path = make_dataset(name, photographs=faces, size=stored, edit=all_training)
        data = TrainingData.of(open_dataset(path), Needs(("image", "expression"), size))
        click.echo(f"{len(data)} faces of {stored} px, read at {size} px in batches of {batch}, {workers} workers")
        copies = Copies(data, Path(name))
        arms: dict[str, Arm] = {
            "fexdata": lambda: _fexdata(data, batch, workers),
            "ImageFolder": lambda: _image_folder(copies.folder(), size, batch, workers),
            "Hugging Face datasets": lambda: _hugging_face(copies.parquet(), size, batch, workers),
        }
        if copies.webdataset_installed():
            arms["webdataset"] = lambda: _webdataset(copies.tars(max(workers, 1)), size, batch, workers)
        else:
            click.echo("  webdataset is not installed: left out")
        compare(arms, rounds)
        one_row(data)
        entropy(data, batch)


def compare(arms: dict[str, Arm], rounds: int) -> None:
    """Whole epochs: faces per second by the clock, from the first batch on, and faces per second of
    processor time, workers and their start included, which other work on the machine disturbs less."""
    clock: dict[str, list[float]] = {arm: [] for arm in arms}
    processor: dict[str, list[float]] = {arm: [] for arm in arms}
    for number in range(rounds):
        for arm, make in arms.items():
            used = _processor_seconds()
            batches = iter(make())
            first = next(batches)
            began, seen = time.perf_counter(), 0
            for images in batches:
                seen += len(images)
            took = time.perf_counter() - began
            del batches  # its workers end, and count
            if number:
                clock[arm].append(seen / took)
                processor[arm].append((seen + len(first)) / (_processor_seconds() - used))
            assert first.shape[1] == 3 and first.dtype == torch.float32 and abs(float(first.min()) + 1) < 0.2
    for arm in arms:
        told = []
        for rates, unit in ((clock, "faces/s"), (processor, "faces/CPU-s")):
            ratios = [own / other for other, own in zip(rates[arm], rates["fexdata"], strict=True)]
            told.append(f"{statistics.median(rates[arm]):7,.0f} {unit}")
            if arm != "fexdata":
                told[-1] += f" (fexdata {statistics.median(ratios):.2f} times, {min(ratios):.2f} to {max(ratios):.2f})"
        click.echo(f"  {arm:<22} {'   '.join(told)}")


def _processor_seconds() -> float:
    """Of this process and its ended children."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def one_row(data: TrainingData) -> None:
    faces, times = Faces(data), []
    for row in np.random.default_rng(0).permutation(len(data))[:300]:
        began = time.perf_counter()
        faces[np.array([[row, -1, 0]])]
        times.append(time.perf_counter() - began)
    click.echo(f"  one random row: {1e3 * statistics.median(times[1:]):.2f} ms (bound 10 ms)")


def entropy(data: TrainingData, batch: int) -> None:
    """Mean class entropy of the loader's batches against that of independent draws."""
    labels, rng = data.values["expression"], np.random.default_rng(0)

    def mean(batches: Iterable[np.ndarray]) -> float:
        shares = [np.bincount(one) / len(one) for one in batches]
        return float(np.mean([-(share[share > 0] * np.log(share[share > 0])).sum() for share in shares]))

    count = 20 * len(data) // batch
    order = data.order((0,), 0.0)
    found = mean(labels[order.items(number * batch, batch)[:, 0]] for number in range(count))
    ideal = mean(labels[rng.choice(len(labels), batch, replace=False)] for _ in range(count))
    click.echo(f"  class entropy of a batch: {found / ideal:.4f} of ideal (bound 0.98)")


class Copies:
    """The dataset's pictures in the other arms' forms, byte for byte."""

    def __init__(self, data: TrainingData, root: Path) -> None:
        self._data, self._root = data, root
        self._bytes = [(data.info.expressions[label], self._encoded(row)) for row, label in
                       enumerate(data.values["expression"])]  # fmt: skip

    def folder(self) -> Path:
        """root/<class>/<number>.jpg"""
        root = self._root / "files"
        if not root.exists():
            for number, (label, encoded) in enumerate(self._bytes):
                (root / label).mkdir(parents=True, exist_ok=True)
                (root / label / f"{number:06d}.jpg").write_bytes(encoded)
        return root

    def parquet(self) -> list[str]:
        return [f"{self._data.dataset.path}/shards/{name}.parquet" for name in self._data.shards]

    def tars(self, count: int) -> list[str]:
        """Shuffled, in as many files as there are workers."""
        paths = [self._root / f"faces-{number:03d}.tar" for number in range(count)]
        if not paths[0].exists():
            order = np.random.default_rng(0).permutation(len(self._bytes))
            for path, numbers in zip(paths, np.array_split(order, count), strict=True):
                with tarfile.open(path, "w") as archive:
                    for number in numbers:
                        entry = tarfile.TarInfo(f"{number:06d}.jpg")
                        entry.size = len(self._bytes[number][1])
                        archive.addfile(entry, io.BytesIO(self._bytes[number][1]))
        return [str(path) for path in paths]

    def webdataset_installed(self) -> bool:
        try:
            import webdataset  # noqa: F401
        except ImportError:
            return False
        return True

    def _encoded(self, row: int) -> bytes:
        data = self._data
        file = data.dataset.shard(data.shards[data.shard[row]])
        value: dict[str, bytes] = file.take([data.shard_row[row]], ["image"]).column("image")[0].as_py()
        return value["bytes"]


def _fexdata(data: TrainingData, batch: int, workers: int) -> Iterator[torch.Tensor]:
    batches = BatchOrder(data.order((0,), 0.0), batch=batch, last=len(data) // batch)
    return (prepare(raw, CPU)["image"] for raw in loader(data, batches, workers=workers))


def _transform(size: int) -> Any:
    from torchvision import transforms

    resize = transforms.Resize((size, size), antialias=True)
    return transforms.Compose([resize, transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)])


def _image_folder(root: Path, size: int, batch: int, workers: int) -> Iterator[torch.Tensor]:
    from torchvision.datasets import ImageFolder

    faces = ImageFolder(str(root), _transform(size))
    return (images for images, _ in _plain_loader(faces, batch, workers))


def _hugging_face(files: list[str], size: int, batch: int, workers: int) -> Iterator[torch.Tensor]:
    import datasets

    datasets.disable_progress_bars()
    transform = _transform(size)
    faces = datasets.load_dataset("parquet", data_files=files, split="train", columns=["image", "expression"])
    faces.set_transform(lambda rows: {"image": [transform(image.convert("RGB")) for image in rows["image"]]})
    return (rows["image"] for rows in _plain_loader(faces, batch, workers))


def _webdataset(paths: list[str], size: int, batch: int, workers: int) -> Iterator[torch.Tensor]:
    import webdataset

    transform = _transform(size)
    samples = webdataset.WebDataset(paths, shardshuffle=len(paths)).shuffle(512).decode("pil").to_tuple("jpg")
    batches = samples.map_tuple(transform).batched(batch, partial=False)
    return (images for (images,) in torch.utils.data.DataLoader(batches, batch_size=None, num_workers=workers))


def _plain_loader(faces: Any, batch: int, workers: int) -> Any:
    return torch.utils.data.DataLoader(faces, batch, shuffle=True, num_workers=workers, drop_last=True)


if __name__ == "__main__":
    main()
