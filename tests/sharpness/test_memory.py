"""Free memory is what the machine and each of Linux's control groups leave."""

import pytest

from keras_sam.sharpness import memory

GIBIBYTE = 2**30


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A function that writes files of a machine, on which tensors lie in its own memory."""
    monkeypatch.setattr(memory, "ROOT", tmp_path)
    monkeypatch.setattr(memory.backend, "free_memory", lambda: None)

    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(str(text))

    write({"proc/meminfo": f"MemTotal: 1 kB\nMemAvailable:   {16 * 2**20} kB\n"})
    write({"proc/self/cgroup": "4:memory:/job/step\n2:cpu:/\n0::/job/step\n"})
    return write


@pytest.mark.once
def test_without_a_limit_it_is_what_is_available(machine):
    assert memory.free_memory() == 16 * GIBIBYTE
    machine({"sys/fs/cgroup/job/memory.max": "max\n", "sys/fs/cgroup/job/memory.current": "5\n"})
    assert memory.free_memory() == 16 * GIBIBYTE


@pytest.mark.once
@pytest.mark.parametrize("group", ["", "/job", "/job/step"])
@pytest.mark.parametrize(
    ("root", "limit", "used"),
    [
        ("sys/fs/cgroup", "memory.max", "memory.current"),
        ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ],
)
def test_the_limit_of_any_group_around_counts(machine, group, root, limit, used):
    machine({f"{root}{group}/{limit}": 4 * GIBIBYTE, f"{root}{group}/{used}": f"{GIBIBYTE}\n"})
    assert memory.free_memory() == 3 * GIBIBYTE
    machine({f"{root}{group}/{used}": 5 * GIBIBYTE})
    assert memory.free_memory() == 0


@pytest.mark.once
def test_where_nobody_says_there_is_none(machine, tmp_path):
    (tmp_path / "proc/meminfo").unlink()
    assert memory.free_memory() == 0


@pytest.mark.once
def test_an_accelerator_has_memory_of_its_own(machine, monkeypatch):
    monkeypatch.setattr(memory.backend, "free_memory", lambda: 5)
    assert memory.free_memory() == 5


def test_of_this_machine():
    assert memory.free_memory() >= 0
    assert memory.Room(None).left() == float("inf")


@pytest.mark.once
def test_what_others_give_back_is_not_taken(monkeypatch):
    for share, left in {0: 0, 0.5: 2}.items():
        said = iter([4, 9])
        monkeypatch.setattr(memory, "free_memory", lambda said=said: next(said))
        assert memory.Room(share).left() == left
