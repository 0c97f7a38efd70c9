"""Memory depends on what is in flight: not on layers, and not on the size of the models."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from helpers.merge_plans import FILE, write_hollow_models

MIB = 1 << 20
MODELS = 4
ROWS = 4096  # of 1,024 float32: a tensor of 16 MiB
LAYERS = (4, 24)
PIECES_LIMIT = 64 * MIB
WHOLE_LIMIT = 96 * MIB  # 56 for a unit of linear merging, 24 for the stacks of 3 threads

# One process imports; each merge is a fork of it that may allocate so many bytes more, and no more.
SCRIPT = """
import json, os, resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import torch
from safetensors.torch import load_file
from embedworks.merging.execute import execute
from embedworks.merging.methods import linear
from helpers.merge_plans import linear_plan

def status(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(key))

def in_memory(files, out):
    models = [load_file(file) for file in files]
    return [sum(model[name] for model in models) for name in models[0]]

def whole(files, out):
    linear.ELEMENTWISE = False
    pieces(files, out)

def pieces(files, out):
    plan = linear_plan(files, [1] * len(files), dtype=torch.bfloat16)
    execute(plan, out, threads=2, memory_bytes=32 << 20)

def measure(how, folder, limit):
    files = sorted(folder.glob("m*.safetensors"))
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is the parent's
    before = status("VmRSS")
    resource.setrlimit(resource.RLIMIT_DATA, (status("VmData") + limit,) * 2)
    try:
        globals()[how](files, folder / how)
    except (MemoryError, RuntimeError, OSError) as error:
        return {"error": str(error)}
    return {"peak": status("VmHWM") - before}

for how, folder, limit in json.loads(sys.argv[1]):
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, json.dumps(measure(how, Path(folder), limit)).encode())
        os._exit(0)
    os.close(write)
    print(os.read(read, 4096).decode(), flush=True)
    os.wait()
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[int, Path]:
    """Folders of models by their number of layers."""
    found = {}
    for layers in LAYERS:
        found[layers] = tmp_path_factory.mktemp(f"layers{layers}")
        write_hollow_models(
            found[layers], MODELS, {f"layer.{n}.weight": (ROWS, 1024) for n in range(layers)}
        )
    return found


@pytest.fixture(scope="module")
def peaks(folders):
    runs = [
        ("in_memory", folders[4], WHOLE_LIMIT),
        *(("pieces", folders[layers], PIECES_LIMIT) for layers in LAYERS),
        *(("whole", folders[layers], WHOLE_LIMIT) for layers in LAYERS),
    ]
    given = json.dumps([(how, str(folder), limit) for how, folder, limit in runs])
    command = [sys.executable, "-c", SCRIPT, given, str(Path(__file__).parents[1])]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return {(how, folder): json.loads(line) for (how, folder, _), line in zip(runs, lines, strict=True)}


def test_the_limit_is_one_that_loading_the_models_breaks(peaks, folders):
    assert "error" in peaks["in_memory", folders[4]]


@pytest.mark.parametrize(("how", "limit"), [("pieces", PIECES_LIMIT), ("whole", WHOLE_LIMIT)])
def test_memory_is_bounded_and_flat_in_layers(peaks, folders, how, limit):
    few, many = (peaks[how, folders[layers]] for layers in LAYERS)
    assert "error" not in few, few
    assert "error" not in many, many
    assert many["peak"] < limit
    assert many["peak"] < few["peak"] + 8 * MIB


def test_what_was_merged_is_whole(peaks, folders):
    found = load_file(folders[4] / "pieces" / FILE)
    assert [tuple(tensor.shape) for tensor in found.values()] == [(ROWS, 1024)] * 4
