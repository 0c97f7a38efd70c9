"""The order in which a job's stages run: as they stand, or side by side where none waits for another."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Sequence

from embedworks.jobs.context import Context
from embedworks.jobs.references import depends_on, model_references
from embedworks.jobs.schema import Job, MergeStage, RegisterStage, Stage, TrainStage
from embedworks.jobs.state import load_state
from embedworks.registered import is_registered

Run = Callable[[Stage], None]
Ended = tuple[Stage, BaseException | None]

AWAKE_SECONDS = 0.5


def run_in_order(context: Context, run: Run) -> None:
    """Run the stages that are not done: one after the other, or up to the job's ``parallel`` at a time.

    A stage starts when those it depends on are done and the cluster has the CPUs that it needs beside the
    stages that run. When one fails, no other starts; those that run come to their end first.

    Args:
        context: The job; a stage that is done has its state there.
        run: Runs one stage.
    """
    waiting = [stage for stage in context.job.stages if stage.name not in context.states]
    if context.job.parallel == 1:
        for stage in waiting:
            run(stage)
        return
    context.reporter.tell_in_lines()
    Schedule(context, run, cluster_cpus()).work_off(waiting)


class Schedule:
    """Runs stages in threads.

    Args:
        context: The job.
        run: Runs one stage.
        cpus: What the cluster has.
    """

    def __init__(self, context: Context, run: Run, cpus: float) -> None:
        self._context, self._run, self._cpus = context, run, cpus
        self._running: list[Stage] = []
        self._ended: queue.SimpleQueue[Ended] = queue.SimpleQueue()

    def work_off(self, waiting: Sequence[Stage]) -> None:
        """Run stages; raises the first error once nothing runs any more."""
        try:
            failed = self._until_over(list(waiting))
        except BaseException:
            self._close_runs()
            raise
        if failed is not None:
            raise failed

    def _until_over(self, waiting: list[Stage]) -> BaseException | None:
        failed: BaseException | None = None
        while self._running or (waiting and failed is None):
            if failed is None:
                for stage in [one for one in waiting if self._may_start(one, waiting)]:
                    if self._has_room(stage):
                        waiting.remove(stage)
                        self._start(stage)
            stage, error = self._next()
            self._running.remove(stage)
            failed = failed or error
        return failed

    def _may_start(self, stage: Stage, waiting: Sequence[Stage]) -> bool:
        unfinished = {other.name for other in (*waiting, *self._running)}
        return not waits_for(self._context.job, stage) & unfinished

    def _has_room(self, stage: Stage) -> bool:
        if not self._running:
            return True
        taken = sum(stage_cpus(other) for other in self._running)
        return len(self._running) < self._context.job.parallel and taken + stage_cpus(stage) <= self._cpus

    def _start(self, stage: Stage) -> None:
        def work() -> None:
            try:
                self._run(stage)
            except BaseException as error:
                self._ended.put((stage, error))
            else:
                self._ended.put((stage, None))

        self._running.append(stage)
        # A daemon, so that Ctrl-C ends the process; the next run of the job goes on with the stage.
        threading.Thread(target=work, name=f"stage-{stage.name}", daemon=True).start()

    def _next(self) -> Ended:
        while True:
            # Now and then awake: a signal that another thread received is handled by this one.
            with contextlib.suppress(queue.Empty):
                return self._ended.get(timeout=AWAKE_SECONDS)

    def _close_runs(self) -> None:
        """Of the stages that run, when someone presses Ctrl-C."""
        for stage in self._running:
            if run_id := load_state(self._context.folder(stage)).run_id:
                self._context.tracker.end(run_id, "KILLED")


def waits_for(job: Job, stage: Stage) -> set[str]:
    """The stages that must be done before a stage starts, as far as its keys say."""
    found = depends_on(job, stage)
    index = job.stages.index(stage)
    registers = {other.name for other in job.stages[:index] if isinstance(other, RegisterStage)}
    # A registered model may be what an earlier stage registers; versions are given in order.
    if isinstance(stage, RegisterStage) or any(is_registered(text) for _, text in model_references(stage)):
        found |= registers
    return found


def side_by_side(job: Job, stage: Stage) -> int:
    """Stages that may train while ``stage`` does, itself among them: they share each node's cores.

    As many as the job's ``parallel`` lets run of those that neither wait for it nor it for them. It depends
    on the job file alone, so a stage that is run again computes with as many threads.
    """
    before: dict[str, set[str]] = {}
    for one in job.stages:
        direct = waits_for(job, one) & before.keys()
        before[one.name] = direct.union(*(before[name] for name in direct))
    free = [
        other
        for other in job.stages
        if other != stage
        and is_trained(other)
        and other.name not in before[stage.name]
        and stage.name not in before[other.name]
    ]
    return min(job.parallel, 1 + len(free))


def is_trained(stage: Stage) -> bool:
    """Whether a stage takes training steps."""
    return isinstance(stage, TrainStage | MergeStage) and bool(stage.steps or stage.epochs)


def stage_cpus(stage: Stage) -> float:
    """Logical CPUs that a stage needs at once; others only queue for them."""
    from embedworks.training.elastic import STREAM_CPUS

    if is_trained(stage):
        assert isinstance(stage, TrainStage | MergeStage)
        looks = stage.evaluate.resources.cpus if stage.evaluate else 0
        return stage.workers.min * stage.resources.cpus + STREAM_CPUS + looks
    return 1.0


def cluster_cpus() -> float:
    """Logical CPUs of the cluster that the job runs on."""
    import ray

    return float(ray.cluster_resources().get("CPU", 1.0))
