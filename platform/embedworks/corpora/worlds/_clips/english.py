"""What captions say of clips, and what is nearly the same and false."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from embedworks.corpora.drawings.colours import COLOURS
from embedworks.corpora.worlds._clips.cast import Actor, Cast, pick
from embedworks.corpora.worlds._clips.motions import MOTIONS, STILL

Negative = dict[str, str]


def caption(actors: list[Actor]) -> str:
    """The plain one: "a red rabbit moves left beside a still blue taxi"."""
    return _sentence(actors, [_verb(actor, 0) for actor in actors])


def paraphrases(actors: list[Actor]) -> list[str]:
    """Three other ways to say it."""
    one, two = ([_verb(actor, number) for actor in actors] for number in (1, 2))
    if actors[0].motion == STILL:
        plain = caption(actors)
        return [f"a picture of {plain}", f"there is {plain}", f"{plain}, nothing moves"]
    first, rest = actors[0], actors[1:]
    whole = f"{_thing(first)} that {two[0]}"
    aside = "".join(f", and {_thing(actor)} {verb}" for actor, verb in zip(rest, two[1:], strict=True))
    return [
        _sentence(actors, one),
        f"there is {whole}{aside}",
        f"a clip in which {_sentence(actors, two)}",
    ]


def class_name(family: str, motion: str) -> str:
    """As in "a vehicle moves left"."""
    return f"{_article(family)} {motion}"


def negatives(actors: list[Actor], split: str, cast: Cast, rng: np.random.Generator) -> list[Negative]:
    """False captions that differ in one respect, each of a kind.

    Those that name a motion name one which is true in other clips of the same split.
    """
    found = [*_other_motions(actors[0], split, cast, rng), *_other_looks(actors, split, cast, rng)]
    texts = [{"kind": kind, "text": caption([first, *actors[1:]])} for kind, first in found]
    if (exchanged := _exchanged(actors, split, cast)) is not None:
        texts.append({"kind": "exchanged", "text": caption(exchanged)})
    return texts


def _other_motions(
    first: Actor, split: str, cast: Cast, rng: np.random.Generator
) -> Iterator[tuple[str, Actor]]:
    """The reversed motion, and one that is neither."""
    if first.motion == STILL:
        return
    opposite = MOTIONS[first.motion].opposite
    if opposite in cast.options.motions:
        yield "reversed", replace(first, motion=opposite)
    others = [
        motion
        for motion in cast.options.motions
        if motion not in (first.motion, opposite) and cast.allowed(split, motion, first.thing)
    ]
    if others:
        yield "motion", replace(first, motion=pick(others, rng))


def _other_looks(
    actors: list[Actor], split: str, cast: Cast, rng: np.random.Generator
) -> Iterator[tuple[str, Actor]]:
    """Another thing, and another colour."""
    first, present = actors[0], {actor.thing for actor in actors}
    others = [thing for thing in cast.all if thing not in present]
    if first.motion != STILL:
        others = [thing for thing in others if cast.allowed(split, first.motion, thing)]
    if others:
        yield "object", replace(first, thing=pick(others, rng))
    yield "colour", replace(first, colour=pick([name for name in COLOURS if name != first.colour], rng))


def _exchanged(actors: list[Actor], split: str, cast: Cast) -> list[Actor] | None:
    """The first two with each other's colours, or with each other's motions if their colours are equal."""
    if len(actors) < 2:
        return None
    first, second = actors[:2]
    if first.colour != second.colour:
        return [replace(first, colour=second.colour), replace(second, colour=first.colour), *actors[2:]]
    if first.motion == second.motion or not _movable(second, first.motion, split, cast):
        return None
    if second.motion != STILL and not _movable(first, second.motion, "train", cast):
        return None
    # Who moves is named first, as in every caption.
    return [replace(second, motion=first.motion), replace(first, motion=second.motion), *actors[2:]]


def _movable(actor: Actor, motion: str, split: str, cast: Cast) -> bool:
    return motion != STILL and cast.allowed(split, motion, actor.thing)


def _sentence(actors: list[Actor], verbs: list[str]) -> str:
    first, rest = actors[0], actors[1:]
    if first.motion == STILL:
        aside = " and ".join(map(_thing, rest))
        return f"{_thing(first)} beside {aside}" if rest else _thing(first)
    still = [actor for actor in rest if actor.motion == STILL]
    moving = [
        f"{_thing(actor)} {verb}"
        for actor, verb in zip(rest, verbs[1:], strict=True)
        if actor.motion != STILL
    ]
    text = f"{_thing(first)} {verbs[0]}"
    text += f" while {' and '.join(moving)}" if moving else ""
    return text + (f" beside {' and '.join(map(_still, still))}" if still else "")


def _verb(actor: Actor, number: int) -> str:
    """The motion's name, or one of its two other phrases."""
    if actor.motion == STILL:
        return (STILL, "does not move", "keeps still")[number]
    return (actor.motion, *MOTIONS[actor.motion].phrases)[number]


def _thing(actor: Actor) -> str:
    return _article(f"{actor.colour} {actor.thing.name}")


def _still(actor: Actor) -> str:
    return f"a still {actor.colour} {actor.thing.name}"


def _article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
