"""The one file that knows Dask: running chains on a cluster, and outliving what kills workers.

Promises: every chain ends in its layers, whatever its rows do; a row that kills its worker twice
is handed back as dead with its stage and a code, and the rest of its partition goes on; pixels
never travel through the scheduler.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field, replace
from multiprocessing import resource_tracker
from typing import Any

from fexdata import storage
from fexdata.errors import Code, FexdataError
from fexdata.pipeline.chain import BATCH, Summary, run_chain
from fexdata.pipeline.guard import Crumb, Guard, read_crumb
from fexdata.pipeline.layout import Layout
from fexdata.pipeline.plan import Chain
from fexdata.stages.registry import warm_stage

MAX_UNEXPLAINED = 4
"""Deaths of one partition's workers without a culprit after which the build gives up."""

DASK = {
    # One task on a worker at a time, so that a death points at one partition; the rest waits
    # on the scheduler.
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.work-stealing": False,
    # Tasks return a few numbers: nothing to spill, and a paused worker would stop the build.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
    "distributed.admin.tick.limit": "60s",
    # Dask samples what a worker does a hundred times a second, and holds the interpreter for it: a twentieth of
    # the build's time, for a picture nobody is shown.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.comm.timeouts.connect": "60s",
    # Pictures of a few MB come and go all the time. Dask's own setting hands their pages back to
    # the system at once, which then has to clear new ones: a good part of the build's time.
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 256 << 20,
    "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 32 << 20,
    "distributed.nanny.pre-spawn-environ.OMP_NUM_THREADS": 1,
    "distributed.nanny.pre-spawn-environ.OPENBLAS_NUM_THREADS": 1,
    "distributed.nanny.pre-spawn-environ.MKL_NUM_THREADS": 1,
    "distributed.nanny.pre-spawn-environ.NUMBA_NUM_THREADS": 1,
}


@dataclass(slots=True)
class Work:
    """One partition's remaining chains and what has happened to it so far."""

    chains: list[Chain]
    careful: bool = False
    suspect: Crumb | None = None
    unexplained: int = 0


@dataclass(slots=True)
class Death:
    """A photograph that killed its worker, or never came back, in a stage."""

    stage: str
    digest: str
    code: Code
    message: str


@dataclass(slots=True)
class Handlers:
    """What the build wants to know: called in the main thread as things happen."""

    finished: Callable[[Summary], None]
    died: Callable[[Death], list[Chain]]
    """Records the death and returns the partition's chains, planned anew around it."""
    restarted: Callable[[str], None] = field(default=lambda message: None)


class Cluster:
    """A local cluster of processes, or an existing one; started in the background by `begin`,
    because the corpus can be read meanwhile, or when its client is first needed."""

    def __init__(
        self, *, workers: int | None = None, scheduler: str | None = None, warm: Sequence[tuple[str, str]] = ()
    ) -> None:
        """`warm`: stages as (name, settings in JSON) that the workers load while they wait."""
        self._workers = workers or usable_cores()
        self._specs = tuple(warm)
        self._scheduler = scheduler
        self._stack = contextlib.ExitStack()
        self._error: BaseException | None = None
        self._client: Any = None
        self._warm: list[Any] = []
        self._thread = threading.Thread(target=self._start, name="fexdata-cluster", daemon=True)

    def begin(self) -> None:
        """Starts the workers, if nobody has yet."""
        if self._thread.ident is None:
            self._thread.start()

    def _start(self) -> None:
        try:
            import dask
            from distributed import Client, LocalCluster

            # A killed worker is this module's business; Dask's own words about it help nobody.
            for name in ("distributed", "distributed.nanny", "distributed.scheduler", "distributed.worker"):
                logging.getLogger(name).setLevel(logging.CRITICAL)
            self._stack.enter_context(dask.config.set(DASK))
            address: Any = self._scheduler
            if address is not None:
                _knock(address)
            else:
                _keep_interrupts_from_workers()
                address = self._stack.enter_context(
                    LocalCluster(
                        n_workers=self._workers,
                        threads_per_worker=1,
                        processes=True,
                        dashboard_address="127.0.0.1:0",
                        silence_logs=logging.CRITICAL,
                    )
                )
            self._client = self._stack.enter_context(Client(address, timeout=60, set_as_default=False))
            if self._scheduler is None:
                addresses = list(self._client.scheduler_info(n_workers=-1)["workers"])
                self._warm = [
                    self._client.submit(warm_process, self._specs, workers=[one], pure=False) for one in addresses
                ]
        except BaseException as error:
            self._error = error

    @property
    def client(self) -> Any:
        self.begin()
        self._thread.join()
        if self._error is not None:
            where = f" at {self._scheduler}" if self._scheduler else ""
            hint = "" if where else " (in a script, call fexdata.build under `if __name__ == '__main__':`)"
            raise FexdataError(f"could not start the Dask cluster{where}: {self._error}{hint}") from self._error
        return self._client

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        # A second Ctrl-C while the workers are being stopped would only leave some of them behind.
        in_main = threading.current_thread() is threading.main_thread()
        before = signal.signal(signal.SIGINT, signal.SIG_IGN) if in_main else None
        try:
            if self._thread.ident is not None:
                self._thread.join()
            self._stack.close()
        finally:
            if in_main:
                signal.signal(signal.SIGINT, before)


def _knock(address: str) -> None:
    """Fails at once, in words, where a Dask client would go on trying."""
    host, _, port = address.split("://")[-1].rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError("expected HOST:PORT, such as tcp://10.0.0.5:8786")
    socket.create_connection((host, int(port)), timeout=10).close()


def _keep_interrupts_from_workers() -> None:
    """Ctrl-C reaches every process of a terminal; only the main one should answer. Workers inherit
    the signal mask of the thread that starts them, which is this one."""
    resource_tracker.ensure_running()  # started later, it would lift the mask again
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def warm_process(specs: Sequence[tuple[str, str]]) -> None:
    """Loads, in a worker that has nothing to do yet, what its first task will need."""
    import cv2
    import pyarrow as pa

    cv2.setNumThreads(1)
    pa.array([0.0])  # imports pandas, if it is installed, at the first call
    for name, config_json in specs:
        warm_stage(name, config_json)


def run_task(chain: Chain, root: str, timeout: float, careful: bool) -> Summary:
    """One chain in a worker process. Writing again what another worker has written is harmless:
    the bytes are the same."""
    import cv2

    cv2.setNumThreads(1)
    with Guard(Layout(root).crumb(chain.partition), timeout, careful) as guard:
        return run_chain(chain, root, guard, batch=1 if careful else BATCH)


def run_all(client: Any, work: Iterator[list[Chain]], root: str, timeout: float, handlers: Handlers) -> None:
    """Runs every partition's chains, a partition's own one after the other.

    Raises `FexdataError` when workers keep dying without a photograph to blame, and whatever a
    task raised (a full disk, a lost bucket).
    """
    from distributed import as_completed

    completed = as_completed([], loop=client.loop, with_results=False, raise_errors=False)
    running: dict[Any, Work] = {}
    threads = max(1, sum(client.nthreads().values()))

    def submit(one: Work) -> None:
        future = client.submit(run_task, one.chains[0], root, timeout, one.careful, pure=False, retries=0)
        running[future.key] = one
        completed.add(future)

    def refill() -> None:
        # Lazily, so that a million photographs do not sit on the scheduler at once.
        while len(running) < 4 * threads + 4:
            chains = next(work, None)
            if chains is None:
                return
            submit(Work(chains))

    refill()
    for future in completed:
        one = running.pop(future.key)
        error = future.exception() if future.status == "error" else None
        if future.status == "finished":
            handlers.finished(future.result())
            one.chains.pop(0)
            if one.chains:
                submit(replace(one, careful=False, suspect=None, unexplained=0))
        elif _is_death(future.status, error):
            submit(_after_death(one, root, timeout, handlers))
        else:
            raise error if error is not None else FexdataError("the Dask cluster gave up a task")
        future.release()
        refill()


def _is_death(status: str, error: BaseException | None) -> bool:
    from distributed import KilledWorker

    return isinstance(error, KilledWorker | CancelledError) or status in ("cancelled", "lost")


def _after_death(one: Work, root: str, timeout: float, handlers: Handlers) -> Work:
    """What to run next after a worker died on this partition: see the module's promises."""
    path = Layout(root).crumb(one.chains[0].partition)
    crumb = read_crumb(path)
    if crumb is not None:
        storage.remove(path)
    if crumb is None:
        if one.careful or one.unexplained:
            one.unexplained += 1
        if one.unexplained > MAX_UNEXPLAINED:
            raise FexdataError(
                f"workers keep dying on partition {one.chains[0].partition}, before any photograph is "
                "touched; is there enough memory? (fewer --workers need less)"
            )
        handlers.restarted("a worker died; its photographs are tried again, one at a time")
        return replace(one, careful=True, unexplained=max(1, one.unexplained))
    # A call that held the interpreter lock was ended without a word; the crumb's age tells.
    overdue = crumb.overdue or time.time() - crumb.at >= timeout
    again = one.suspect is not None and (one.suspect.stage, one.suspect.digest) == (crumb.stage, crumb.digest)
    if not overdue and not again:
        # Once may be an accident (somebody killed the process); twice on one row is the row.
        return replace(one, careful=True, suspect=crumb)
    code = Code.TIMEOUT if overdue else Code.CRASHED
    message = f"took longer than {timeout:g} seconds" if overdue else "the worker process died on this photograph"
    chains = handlers.died(Death(crumb.stage, crumb.digest, code, message))
    return Work(chains, careful=True)
