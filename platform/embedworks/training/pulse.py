"""What all workers agree on at the end of a step: to save, to stop, that a loss is bad."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
import torch.distributed as dist
from torch import Tensor

from embedworks.training.options import CheckpointOptions

BAD, SAVE, STOP, FINISH = range(4)

NOTHING = (False, False, False, False)


@dataclass(frozen=True)
class Beat:
    """What to do behind a step; the same on every worker.

    Attributes:
        save: Whether the state is saved now.
        stop: Whether this group of workers ends here, and training goes on later.
        finish: Whether training is over here, before its last step.
        bad_step: The step whose loss or gradient is not finite on some worker; nothing may be saved from
            there on.
        loss: This worker's loss of that step.
    """

    save: bool = False
    stop: bool = False
    finish: bool = False
    bad_step: int | None = None
    loss: float = 0.0


@dataclass(frozen=True)
class Wish:
    """What one worker wants: a notice that it received, or its order from outside."""

    save: bool = False
    stop: bool = False
    finish: bool = False


class Pulse:
    """One worker's part in the agreement: a reduction of four numbers at every step.

    Its result is read one step later, when it has long been there, so neither a device nor a slower worker
    is waited for. Where something hangs on the step itself, it is read at once: no state is saved
    before every worker's loss of that step was seen.

    Args:
        options: When state is saved.
        steps: Steps of the whole stage.
        wish: Asked at every step for what this worker was told.
        is_first: Whether this worker's clock counts.
        clock: Seconds, of any beginning.
    """

    def __init__(
        self,
        options: CheckpointOptions,
        steps: int,
        wish: Callable[[], Wish],
        *,
        is_first: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options
        self._steps = steps
        self._wish = wish
        self._is_first = is_first
        self._clock = clock
        self._saved_at = clock()
        self._pending: _Flags | None = None

    def beat(
        self, done: int, loss: Tensor, norms: Sequence[Tensor | float] = (), *, at_once: bool = False
    ) -> Beat:
        """Agree behind a step. A collective.

        Args:
            done: Steps that are done.
            loss: This worker's of the last one, a scalar.
            norms: Of the gradients that the optimizers took.
            at_once: Whether the step's own loss has to be seen before anything else is done.
        """
        every = self._options.every
        is_due = done == self._steps or bool(every and done % every == 0)
        before, self._pending = self._pending, _Flags(done, loss, norms, self._wanted())
        agreed = before.read() if before else NOTHING
        if before and agreed[BAD]:
            return Beat(bad_step=before.step, loss=before.loss())
        if is_due or at_once or any(agreed):
            now = self._pending.read()
            if now[BAD]:
                return Beat(bad_step=done, loss=float(loss))
            agreed = tuple(one or other for one, other in zip(agreed, now, strict=True))
            self._pending = None
        if save := is_due or any(agreed):
            self._saved_at = self._clock()
        is_early = done < self._steps
        return Beat(save, agreed[STOP] and is_early, agreed[FINISH] and is_early)

    def _wanted(self) -> Wish:
        wish, minutes = self._wish(), self._options.every_minutes
        is_time = bool(
            self._is_first and minutes is not None and self._clock() - self._saved_at >= 60 * minutes
        )
        return replace(wish, save=wish.save or is_time)


class _Flags:
    """The flags of one step, on their way between the workers."""

    def __init__(self, step: int, loss: Tensor, norms: Sequence[Tensor | float], wish: Wish) -> None:
        self.step = step
        self._loss = loss.detach()
        wanted = [False, wish.save, wish.stop, wish.finish]
        flags = torch.tensor(wanted, dtype=torch.uint8).to(loss.device, non_blocking=True)
        for value in (self._loss, *norms):
            flags[BAD] |= ~torch.isfinite(torch.as_tensor(value, device=loss.device))
        self._work = None
        if dist.is_initialized() and dist.get_world_size() > 1:
            self._work = dist.all_reduce(flags, dist.ReduceOp.MAX, async_op=True)
        self._copied = None
        self._host = flags
        if flags.is_cuda:
            if self._work is not None:
                self._work.wait()  # of the stream, not of this thread
            self._host = torch.empty(flags.shape, dtype=flags.dtype, pin_memory=True)
            self._host.copy_(flags, non_blocking=True)
            self._copied = torch.cuda.Event()
            self._copied.record()

    def read(self) -> tuple[bool, ...]:
        """The flags of all workers together."""
        if self._copied is not None:
            self._copied.synchronize()
        elif self._work is not None:
            self._work.wait()
        return tuple(map(bool, self._host.tolist()))

    def loss(self) -> float:
        """This worker's loss of the step."""
        return float(self._loss)
