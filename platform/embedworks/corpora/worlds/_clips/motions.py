"""How things move: pairs of opposite motions, the second of which is the first with time reversed.

A motion is a track: what happens to a thing in each frame, apart from where and how large it is. Opposite
motions share one family of tracks, so that no set of frames tells them apart, only their order does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STILL = "stays still"
TRAVEL = (0.3, 0.5)  # of the picture's side, over the whole clip
SMALLEST = (0.35, 0.55)  # of the largest size
TURN = (120.0, 240.0)  # degrees
CIRCLE = (0.11, 0.16)  # radius, of the picture's side
ARC = (200.0, 300.0)  # degrees of a circle
DARKEST = (0.15, 0.35)
BLUR = (0.025, 0.04)  # standard deviation, of the picture's side
HOP = (0.2, 0.35)  # of the picture's side
SHAKE = (0.04, 0.07)  # of the picture's side, to either side


@dataclass(frozen=True)
class Track:
    """What happens in T frames; x goes right and y down, in parts of the picture's side.

    Attributes:
        dx_T: To the right of where it is placed.
        dy_T: Below it.
        wide_T: Width, as a part of the largest.
        high_T: Height, likewise.
        angle_T: Degrees, clockwise.
        light_T: Brightness, 1 as in its colour.
        blur_T: Standard deviation of a Gaussian.
        cover_T: How much of it is hidden, from one side.
        shown_T: 1, or 0 where it is not there.
        side: From which side it is hidden: 0 left, 1 top, 2 right, 3 bottom.
    """

    dx_T: Floats
    dy_T: Floats
    wide_T: Floats
    high_T: Floats
    angle_T: Floats
    light_T: Floats
    blur_T: Floats
    cover_T: Floats
    shown_T: Floats
    side: int = 0

    def reversed(self) -> Track:
        """The same with time reversed."""
        arrays = {each.name: getattr(self, each.name)[::-1] for each in fields(self) if each.name != "side"}
        return Track(**arrays, side=self.side)


Draw = Callable[[int, np.random.Generator], Track]


@dataclass(frozen=True)
class Motion:
    """One that a caption can name.

    Attributes:
        name: As a class and a caption have it: ``moves left``.
        opposite: The name of its reverse; None if that looks the same.
        pair: The name that both of a pair share.
        phrases: Other ways to say it.
    """

    name: str
    opposite: str | None
    pair: str
    phrases: tuple[str, ...]


def track(name: str, frames: int, rng: np.random.Generator) -> Track:
    """Draw how a thing makes a motion.

    Args:
        name: Of a motion, or :data:`STILL`.
        frames: At least 2.
        rng: Draws how far and how fast.
    """
    if name == STILL:
        return _rest(frames)
    motion = MOTIONS[name]
    drawn = _DRAWS[motion.pair](frames, rng)
    return drawn if motion.name == motion.pair else drawn.reversed()


def _rest(frames: int, side: int = 0, **changed: Floats) -> Track:
    """Nothing happens but what is given."""
    zero, one = np.zeros(frames), np.ones(frames)
    plain = {"dx_T": zero, "dy_T": zero, "wide_T": one, "high_T": one, "angle_T": zero}
    plain |= {"light_T": one, "blur_T": zero, "cover_T": zero, "shown_T": one}
    return Track(**(plain | changed), side=side)


def _left(frames: int, rng: np.random.Generator) -> Track:
    travel = rng.uniform(*TRAVEL)
    return _rest(frames, dx_T=np.linspace(travel / 2, -travel / 2, frames))


def _up(frames: int, rng: np.random.Generator) -> Track:
    travel = rng.uniform(*TRAVEL)
    return _rest(frames, dy_T=np.linspace(travel / 2, -travel / 2, frames))


def _grow(frames: int, rng: np.random.Generator) -> Track:
    scale_T = np.linspace(rng.uniform(*SMALLEST), 1, frames)
    return _rest(frames, wide_T=scale_T, high_T=scale_T)


def _appear(frames: int, rng: np.random.Generator) -> Track:
    first = int(rng.integers(max(1, frames // 4), max(1, 3 * frames // 4) + 1))
    return _rest(frames, shown_T=(np.arange(frames) >= first).astype(float))


def _turn(frames: int, rng: np.random.Generator) -> Track:
    turn = rng.uniform(*TURN)
    return _rest(frames, angle_T=np.linspace(0, turn, frames) - rng.uniform(0, turn))


def _circle(frames: int, rng: np.random.Generator) -> Track:
    angle_T = np.radians(rng.uniform(0, 360) + np.linspace(0, rng.uniform(*ARC), frames))
    radius = rng.uniform(*CIRCLE)  # y goes down: a growing angle is clockwise
    return _rest(frames, dx_T=radius * np.cos(angle_T), dy_T=radius * np.sin(angle_T))


def _brighten(frames: int, rng: np.random.Generator) -> Track:
    return _rest(frames, light_T=np.linspace(rng.uniform(*DARKEST), 1, frames))


def _rise(frames: int, rng: np.random.Generator) -> Track:
    return _rest(frames, high_T=np.linspace(rng.uniform(*SMALLEST), 1, frames))


def _widen(frames: int, rng: np.random.Generator) -> Track:
    return _rest(frames, wide_T=np.linspace(rng.uniform(*SMALLEST), 1, frames))


def _focus(frames: int, rng: np.random.Generator) -> Track:
    return _rest(frames, blur_T=np.linspace(rng.uniform(*BLUR), 0, frames))


def _uncover(frames: int, rng: np.random.Generator) -> Track:
    return _rest(frames, int(rng.integers(4)), cover_T=np.linspace(rng.uniform(0.65, 0.85), 0, frames))


def _blink(frames: int, rng: np.random.Generator) -> Track:
    return _rest(frames, shown_T=_beat(frames, rng))


def _shake(frames: int, rng: np.random.Generator) -> Track:
    return _rest(frames, dx_T=rng.uniform(*SHAKE) * (1 - 2 * _beat(frames, rng)))


def _beat(frames: int, rng: np.random.Generator) -> Floats:
    """Two frames of 1 and two of 0 in turn, so that every second frame alone has both."""
    return ((np.arange(frames) + int(rng.integers(4))) // 2 % 2).astype(float)


def _hop(frames: int, rng: np.random.Generator) -> Track:
    time_T = np.linspace(0, 1, frames)
    height_T = rng.uniform(*HOP) * 4 * time_T * (1 - time_T)
    return _rest(frames, dy_T=height_T.max() / 2 - height_T)


_DRAWS: dict[str, Draw] = {
    "moves left": _left,
    "moves up": _up,
    "grows": _grow,
    "appears": _appear,
    "turns clockwise": _turn,
    "circles clockwise": _circle,
    "brightens": _brighten,
    "gets taller": _rise,
    "gets wider": _widen,
    "comes into focus": _focus,
    "is uncovered": _uncover,
    "blinks": _blink,
    "shakes": _shake,
    "hops": _hop,
}

_PHRASES: dict[str, tuple[str, ...]] = {
    "moves left": ("goes to the left", "slides leftwards"),
    "moves right": ("goes to the right", "slides rightwards"),
    "moves up": ("goes upwards", "rises"),
    "moves down": ("goes downwards", "sinks"),
    "grows": ("becomes larger", "gets bigger"),
    "shrinks": ("becomes smaller", "gets tinier"),
    "appears": ("comes out of nowhere", "shows up"),
    "vanishes": ("is suddenly gone", "disappears"),
    "turns clockwise": ("rotates clockwise", "spins with the clock"),
    "turns counter-clockwise": ("rotates counter-clockwise", "spins against the clock"),
    "circles clockwise": ("runs along a circle clockwise", "goes round with the clock"),
    "circles counter-clockwise": ("runs along a circle counter-clockwise", "goes round against the clock"),
    "brightens": ("becomes brighter", "lights up"),
    "darkens": ("becomes darker", "dims"),
    "gets taller": ("stretches upwards", "grows in height only"),
    "gets shorter": ("is flattened", "loses height only"),
    "gets wider": ("stretches sideways", "grows in width only"),
    "gets narrower": ("is squeezed from the sides", "loses width only"),
    "comes into focus": ("becomes sharp", "gets clearer"),
    "goes out of focus": ("becomes blurred", "gets hazier"),
    "is uncovered": ("is revealed bit by bit", "comes out of hiding"),
    "is covered": ("is hidden bit by bit", "goes into hiding"),
    "blinks": ("flashes on and off", "flickers"),
    "shakes": ("trembles from side to side", "jitters"),
    "hops": ("jumps once", "leaps and lands"),
}

_OPPOSITES = (
    ("moves left", "moves right"),
    ("moves up", "moves down"),
    ("grows", "shrinks"),
    ("appears", "vanishes"),
    ("turns clockwise", "turns counter-clockwise"),
    ("circles clockwise", "circles counter-clockwise"),
    ("brightens", "darkens"),
    ("gets taller", "gets shorter"),
    ("gets wider", "gets narrower"),
    ("comes into focus", "goes out of focus"),
    ("is uncovered", "is covered"),
)


def _motions() -> dict[str, Motion]:
    opposite = dict(_OPPOSITES) | {second: first for first, second in _OPPOSITES}
    first = {second: first for first, second in _OPPOSITES}
    return {
        name: Motion(name, opposite.get(name), first.get(name, name), phrases)
        for name, phrases in _PHRASES.items()
    }


MOTIONS = _motions()
