"""The benchmark for GPUs: that it runs, what it reads from traces, and that its twins are twins."""

import importlib
import json
import math
import pathlib
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tests import one_backend

pytestmark = pytest.mark.once
BENCHMARKS = pathlib.Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def module(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module


def test_it_runs_to_its_end(tmp_path):
    output = tmp_path / "deep" / "bench.json"
    command = [sys.executable, str(BENCHMARKS / "gpu_bench.py"), "--smoke"]
    done = subprocess.run(
        [*command, "--networks=vit_small16", f"--output={output}"],
        env=one_backend.environment("torch"),
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(output.read_text())["networks"]["vit_small16"]
    assert {"plain", "sam"} <= {*found["cases"]}
    # What is not installed is a note: a name, and the error.
    assert len(found["cases"]) + len(found["notes"]) == 6
    assert found["cases"]["sam"]["syncs_per_step"] == found["cases"]["plain"]["syncs_per_step"]
    assert output.with_suffix(".txt").read_text() in done.stdout


def test_an_unknown_network_ends_in_a_line():
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "gpu_bench.py"), "--networks=lenet"],
        env=one_backend.environment("torch"),
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("Received: lenet")


def test_a_worker_that_dies_is_an_error(module):
    dies = "import sys; sys.stdin.readline(); sys.exit(3)"
    workers = module("_gpu_worker").Workers([sys.executable, "-c", dies], is_kept=True)
    assert workers.ask("probe") == workers.ask("probe") == {"error": "exit code 3"}


def kernel(start, length, category="kernel"):
    return {"cat": category, "name": "", "ts": start, "dur": length}


def test_a_trace_of_pytorch(module):
    trace = module("_gpu_trace")
    on_gpu = [kernel(0, 4), kernel(2, 4), kernel(10, 1, "gpu_memcpy"), kernel(5, 90, "cpu_op")]
    waits = [
        {"cat": "cuda_runtime", "name": "cudaStreamSynchronize"},
        {"cat": "cuda_runtime", "name": "cudaLaunchKernel"},
        {"cat": "cpu_op", "name": "aten::_local_scalar_dense"},
    ]
    assert trace.torch_seen([*on_gpu, *waits]) == (1, pytest.approx(7e-6))
    assert trace.torch_seen([waits[2], waits[2], {"ph": "M"}]) == (2, None)


def test_a_trace_of_jax(module):
    def line(name, *events):
        return SimpleNamespace(name=name, events=[SimpleNamespace(**event) for event in events])

    kernels = [{"name": "fusion", "start_ns": start, "duration_ns": 4} for start in (0, 2, 10)]
    reads = [{"name": name} for name in ("np.asarray(jax.Array)", "$api.py:1 block_until_ready")]
    planes = [
        SimpleNamespace(name="/host:CPU", lines=[line("python", *reads, {"name": "step"})]),
        SimpleNamespace(
            name="/device:GPU:0",
            lines=[line("Stream #7(Compute)", *kernels), line("XLA Modules", *kernels)],
        ),
    ]
    assert module("_gpu_trace").jax_seen(planes) == (2, pytest.approx(1e-8))
    assert module("_gpu_trace").jax_seen(planes[:1]) == (2, None)


def test_what_a_run_does_once_is_not_of_a_step(module, monkeypatch):
    trace = module("_gpu_trace")
    recorded = dict.fromkeys(trace.RECORDERS, lambda _, n: trace.Seen(7 + 2 * n, 1 + n / 2))
    monkeypatch.setattr(trace, "RECORDERS", recorded)
    assert trace.per_step(None, 4) == {"syncs_per_step": 2, "busy_seconds": 0.5}


def test_the_device_is_idle_where_no_kernel_runs(module):
    probe = {"first_call": 3.0, "later_call": 1.0, "peak_mebibytes": 5.0}
    probe |= {"syncs_per_step": 1.0, "busy_seconds": 0.03}
    turns = {"cases": {"sam": {"images_per_second": 100.0}}, "peers": {}}
    found = module("_gpu_report").network(turns, {"sam": probe}, {"batch_size": 4})
    assert found["cases"]["sam"]["idle_share"] == pytest.approx(0.25)
    assert found["cases"]["sam"]["compile"] == 2.0


@pytest.mark.parametrize(("name", "twin"), [("resnet50", "ResNet"), ("vit_small16", "ViT")])
def test_a_twin_has_the_weights_of_the_network(module, name, twin):
    torch = pytest.importorskip("torch")
    with torch.device("meta"):
        theirs = getattr(module("_gpu_twins"), twin)()
    ours = module("_gpu_networks").build(name, is_tiny=False)
    count = sum(weight.numel() for weight in theirs.parameters())
    assert count == sum(math.prod(weight.shape) for weight in ours.trainable_variables)
