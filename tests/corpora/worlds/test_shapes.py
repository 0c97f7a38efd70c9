"""Rows of the world of shapes say what is true of their points and pictures."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from itertools import islice

import numpy as np
import pyarrow as pa
import pytest
from scipy import ndimage

from embedworks.corpora.builtin import icons
from embedworks.corpora.drawings.colours import COLOURS
from embedworks.corpora.drawings.emoji import held_out_bases
from embedworks.corpora.drawings.png import decode_png
from embedworks.corpora.drawings.raster import emoji_HW4, icon_mask_HW
from embedworks.corpora.recipes import recipe_options
from embedworks.corpora.worlds import shapes
from embedworks.corpora.worlds._shapes.names import WORDS, all_models, says, split_models
from embedworks.corpora.worlds._shapes.texts import FILES, raw_text
from embedworks.errors import InputError

SIZE = 64
RADIUS = 0.94 * SIZE / 2  # of the unit ball in a picture


@lru_cache
def read(n=40, split="train", **options):
    world = shapes.World(shapes.Options(**options))
    return [world.row(split, index) for index in range(n)]


def drawn():
    return [row for row in read() if row["kind"] != "parametric"]


def points_of(row):
    return np.asarray(row["points"]).reshape(-1, 6)


def mask_of(row):
    """The drawing's silhouette, cut out."""
    source, _, key = row["model"].partition("/")
    key = key.removeprefix(row["name"] + "/")
    alpha = emoji_HW4(key, SIZE)[..., 3] if source == "emoji" else icon_mask_HW(*key.split("/"), SIZE)
    return cut_out(alpha > 127)


def cut_out(mask):
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def shown(view):
    return (decode_png(view) != 255).any(axis=-1)


def same(one, other):
    return all(np.array_equal(one[key], other[key]) for key in shapes.SCHEMA.names)


def test_rows_fit_the_schema_and_the_columns_are_described():
    rows = read()
    table = pa.Table.from_pylist(rows, schema=shapes.SCHEMA)
    assert table.column("points")[0].as_py() == rows[0]["points"].tolist()
    assert list(shapes.COLUMNS) == shapes.SCHEMA.names == list(rows[0])
    assert len({row["id"] for row in rows}) == len(rows)
    assert {row["kind"] for row in rows} == set(shapes.KINDS)


def test_a_row_depends_on_its_number_alone():
    rows = read()[:6]
    world = shapes.World(shapes.Options())
    again = [world.row("train", index) for index in reversed(range(6))][::-1]
    assert all(same(one, other) for one, other in zip(rows, again, strict=True))
    assert not same(rows[0], shapes.World(shapes.Options(seed=1)).row("train", 0))
    assert not same(rows[0], world.row("test_names", 0))


def test_clouds_are_centred_and_within_the_unit_ball():
    for row in read():
        places = points_of(row)[:, :3]
        assert places.shape == (1024, 3)
        norms = np.linalg.norm(places, axis=1)
        assert norms.max() <= 1
        assert norms.max() > 0.85
        assert np.abs(places.mean(axis=0)).max() < 0.09


def test_a_drawing_s_points_lie_within_its_silhouette_and_fill_it():
    for row in drawn():
        mask, places = mask_of(row), points_of(row)[:, :3]
        low, high = places[:, :2].min(axis=0), places[:, :2].max(axis=0)
        scale = max(mask.shape) / max(high - low)
        columns = (places[:, 0] - low[0]) * scale
        rows = (high[1] - places[:, 1]) * scale
        near = ndimage.distance_transform_edt(~np.pad(mask, 4))
        far = near[np.rint(rows + 3.5).astype(int), np.rint(columns + 3.5).astype(int)]
        assert (far <= 2.5).mean() > 0.98, row["caption"]
        met = np.zeros(np.array(mask.shape) + 8, bool)
        met[np.rint(rows + 3.5).astype(int), np.rint(columns + 3.5).astype(int)] = True
        gaps = ndimage.distance_transform_edt(~met)[4:-4, 4:-4][mask]
        assert (gaps <= 4).mean() > 0.98, row["caption"]
        assert np.ptp(places[:, 2]) * scale / SIZE <= row["thickness"] * 1.05
        assert np.ptp(places[:, 2]) * scale / SIZE >= row["thickness"] * 0.8


def test_the_first_view_shows_the_drawing_from_the_front():
    for row in drawn():
        mask, seen = mask_of(row), cut_out(shown(row["views"][0]))
        steps = [(np.arange(64) + 0.5) * side / 64 for side in (*mask.shape, *seen.shape)]
        a = mask[np.ix_(steps[0].astype(int), steps[1].astype(int))]
        b = seen[np.ix_(steps[2].astype(int), steps[3].astype(int))]
        assert (a & b).sum() / (a | b).sum() > 0.75, row["caption"]


def test_every_point_is_in_every_view_where_its_yaw_says():
    for row in read():
        x, y, z = points_of(row)[:, :3].T.astype(float)
        assert row["yaws"][0] == 0
        for number, (view, yaw) in enumerate(zip(row["views"], row["yaws"], strict=True)):
            turn, rise = np.radians(yaw), np.radians(20.0 if number else 0.0)
            across = x * np.cos(turn) + z * np.sin(turn)
            towards = z * np.cos(turn) - x * np.sin(turn)
            up = y * np.cos(rise) - towards * np.sin(rise)
            far = ndimage.distance_transform_edt(~shown(view))
            columns, rows = (SIZE / 2 + RADIUS * across).astype(int), (SIZE / 2 - RADIUS * up).astype(int)
            assert (far[rows, columns] <= 1.5).mean() > 0.99, (row["caption"], yaw)


def test_the_colour_is_the_one_that_is_named():
    for row in read():
        brightest = np.percentile(points_of(row)[:, 3:], 95, axis=0) * 255
        distances = {name: np.abs(brightest - rgb).max() for name, rgb in COLOURS.items()}
        assert min(distances, key=distances.__getitem__) == row["colour"], row["caption"]
        assert distances[row["colour"]] < 12
        pixels = decode_png(row["views"][0])[shown(row["views"][0])].astype(float)
        light = pixels.mean(axis=0) / np.array(COLOURS[row["colour"]])
        assert np.ptp(light) < 0.15
        assert 0.3 < light.mean() < 1


def test_captions_are_true():
    for row in read():
        article = "an" if row["colour"] == "orange" else "a"
        assert row["caption"] == f"{article} {row['colour']} {row['name']}, {row['form']}"
        assert ("pillow" in row["form"]) == (row["kind"] == "inflated")
        assert (
            (row["thickness"] is None) == (row["kind"] == "parametric") == (row["source"] == "primitives")
        )
        if row["kind"] == "extruded":
            assert ("thin" in row["form"]) == (row["thickness"] < 0.09)
            assert ("thick" in row["form"]) == (row["thickness"] >= 0.21)
            assert ("bevelled" in row["form"]) == (row["taper"] > 0)
        else:
            assert row["taper"] is None


@pytest.mark.parametrize("noise", [0.0, 0.4, 1.0])
def test_raw_names_are_wrong_as_often_as_asked(noise):
    rng = np.random.default_rng(0)
    drawn = [raw_text("bus", ["bus stop", "cat", "dog"], noise, rng) for _ in range(1000)]
    kinds = Counter(kind for _, kind in drawn)
    assert kinds["none"] == pytest.approx(1000 * (1 - noise), abs=50)
    assert kinds["file"] == pytest.approx(500 * noise, abs=50)
    assert {raw for raw, kind in drawn if kind == "none"} <= {"bus"}
    assert {raw for raw, kind in drawn if kind == "wrong"} <= {"cat", "dog"}


def test_raw_names_say_what_is_wrong_with_them():
    names = split_models(0).train
    assert {row["noise"] for row in read()} == {"none", "file", "wrong"}
    for row in read():
        assert (row["noise"] == "none") == (row["raw"] == row["name"])
        assert (row["noise"] != "file") == (row["raw"] in names)


def test_held_out_names_are_in_no_text_of_train():
    for seed in (0, 1):
        split = split_models(seed)
        assert len(split.train) > 300
        assert len(split.test_names) > 100
        texts = " nothing ".join([*split.train, *WORDS, *FILES])
        assert says(texts, "plate")
        assert [name for name in split.test_names if says(texts, name)] == []


def test_other_shapes_of_known_names_are_held_out():
    split = split_models(0)
    assert len(split.test) > 300
    for name, models in split.test.items():
        assert models
        assert not set(models) & set(split.train[name])
    for part, rows in (("test", read(12, "test")), ("test_names", read(12, "test_names"))):
        known = {model.id for models in getattr(split, part).values() for model in models}
        assert {row["model"] for row in rows} <= known
        assert len({row["name"] for row in rows}) == 12
    models = {row["model"] for row in read()}
    assert models <= {model.id for some in split.train.values() for model in some}


def test_what_the_corpora_of_emoji_and_icons_hold_out_is_held_out_here():
    names = split_models(0).test_names
    held = [model for model in all_models() if model.source == "emoji" and model.key in held_out_bases(0)]
    assert len(held) > 50
    assert all(model.name in names for model in held)
    rows = islice(icons.rows(icons.Options())["test"], 400)
    concepts = {row["concept"].replace("-", " ") for row in rows}
    shared = concepts & {model.name for model in all_models()}
    assert len(shared) > 10
    assert shared <= names.keys()


def test_drawings_that_look_alike_count_once():
    clocks = [model for model in all_models() if "o clock" in model.name or "thirty" in model.name]
    assert len(clocks) <= 1
    assert len({model.id for model in all_models()}) == len(all_models())


def test_options_choose_points_views_pictures_and_kinds():
    row = read(1, points=64, views=2, size=32, kinds=("parametric",))[0]
    assert points_of(row).shape == (64, 6)
    assert [decode_png(view).shape for view in row["views"]] == [(32, 32, 3)] * 2
    kinds = {row["kind"] for row in read(10, "test_names", kinds=("parametric",), points=16, views=1)}
    assert kinds == {"parametric"}
    assert shapes.Options(test=0).rows == {"train": 20_000, "test_names": 2_000}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kinds": ["extruded", "inflatable"]}, "did you mean 'inflated'"),
        ({"kinds": []}, "option 'kinds'"),
        ({"points": 4}, "option 'points'"),
        ({"test_name": 3}, "did you mean 'test_names'"),
    ],
)
def test_bad_options_are_refused(given, message):
    with pytest.raises(InputError, match=message):
        recipe_options("shapes", given)
