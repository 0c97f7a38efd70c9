"""Splits that keep what belongs together on one side."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping


def hash_order(names: Iterable[str], seed: int) -> list[str]:
    """``names`` in an order that looks random and depends on each name and the seed alone."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())


def held_out(sizes: Mapping[str, int], share: float, seed: int) -> set[str]:
    """Groups to hold out, so that about ``share`` of all rows are in them.

    Groups are taken in hash order as long as they fit, so one that is larger than the share of rows
    is never held out, whatever the seed.

    Args:
        sizes: group -> rows.
        share: Part of all rows to hold out, between 0 and 1.
        seed: Draws another split.
    """
    room = share * sum(sizes.values())
    chosen = set()
    for name in hash_order(sizes, seed):
        if sizes[name] <= room:
            chosen.add(name)
            room -= sizes[name]
    return chosen


def components(memberships: Iterable[Iterable[str]]) -> dict[str, str]:
    """name -> the first name (in order) of its connected component.

    Args:
        memberships: Sets of names that belong together, because they share something.
    """
    parent: dict[str, str] = {}

    def find(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            name = parent[name]
        return name

    for names in memberships:
        first, *others = sorted(names)
        root = find(first)
        for other in others:
            low, high = sorted((root, find(other)))
            parent[high] = low
            root = low
    return {name: find(name) for name in parent}


def stratified_order(strata: Mapping[str, str], seed: int) -> list[str]:
    """Names in hash order, with the strata so interleaved that every stretch holds each in its proportion.

    The first or last n names are then a stratified sample, whatever n is.

    Args:
        strata: name -> its stratum.
        seed: Draws another order.
    """
    members: dict[str, list[str]] = {}
    for name in hash_order(strata, seed):
        members.setdefault(strata[name], []).append(name)
    places = (
        ((rank + 0.5) / len(names), stratum, name)
        for stratum, names in members.items()
        for rank, name in enumerate(names)
    )
    return [name for *_, name in sorted(places)]
