"""How a world is cut into parts: a part is a shard, whose rows each know how to be made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa

from embedworks.corpora.parts import FORMAT, Header, Plan
from embedworks.corpora.recipe import World, WorldOptions
from embedworks.corpora.writer import ROW_GROUP_ROWS
from embedworks.errors import InputError

PART_ROWS = 2048


@dataclass(frozen=True)
class WorldPart:
    """Consecutive rows of one split.

    Attributes:
        index: Its place among the parts.
        identity: Changes with the options, the columns and the versions of what draws the rows.
        module: The world's module.
        options: The user's, as JSON.
        split: Whose rows.
        first: The first row.
        stop: Behind the last one.
    """

    index: int
    identity: str
    module: str
    options: str
    split: str
    first: int
    stop: int
    shard_rows: int = PART_ROWS

    @property
    def schema(self) -> pa.Schema:
        """Of every table."""
        schema: pa.Schema = _module(self.module).SCHEMA
        return schema

    def tables(self) -> Iterator[tuple[str, pa.Table]]:
        """The rows, a row group at a time.

        Raises:
            InputError: naming the row that does not fit the schema.
        """
        world = _world(self.module, self.options)
        for first in range(self.first, self.stop, ROW_GROUP_ROWS):
            numbers = range(first, min(first + ROW_GROUP_ROWS, self.stop))
            rows = [world.row(self.split, number) for number in numbers]
            try:
                yield self.split, pa.Table.from_pylist(rows, schema=self.schema)
            except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
                where = f"{self.module}, split {self.split!r}, rows {numbers[0]} to {numbers[-1]}"
                raise InputError(f"a row does not fit the schema: {error}", where=where) from error


def plan_world(recipe: Any, options: WorldOptions) -> Plan:
    """The parts of a world, split by split, in order."""
    given = options.model_dump_json()
    content = [FORMAT, pa.__version__, recipe.NAME, given, recipe.source(options), str(recipe.SCHEMA)]
    identity = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    spans = [
        (split, first, min(first + PART_ROWS, rows))
        for split, rows in options.rows.items()
        for first in range(0, rows, PART_ROWS)
    ]
    return Plan(
        asked={"world": recipe.NAME, **options.model_dump(mode="json")},
        header=Header(
            recipe.NAME, recipe.DESCRIPTION, recipe.source(options), recipe.LICENCE, recipe.SPLIT_RULE
        ),
        schema=recipe.SCHEMA,
        splits=tuple(options.rows),
        parts=tuple(
            WorldPart(index, identity, recipe.__name__, given, *span) for index, span in enumerate(spans)
        ),
    )


def _module(name: str) -> Any:
    import importlib

    return importlib.import_module(name)


@lru_cache(maxsize=2)
def _world(module: str, options: str) -> World:
    """The world, made once a process: it may hold drawings."""
    found = _module(module)
    world: World = found.World(found.Options.model_validate_json(options))
    return world
