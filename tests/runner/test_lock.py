"""One run at a time into one directory."""

import json
import os
import socket
import subprocess
import sys
import time

import pytest

from hepnb.errors import OutputNotWritable, RunInProgress
from hepnb.runner.lock import locked


@pytest.fixture
def lock(tmp_path):
    return tmp_path / ".run.lock"


def held_by(lock, **holder):
    lock.write_text(json.dumps({"token": "theirs", **holder}))


def test_lock_is_held_within_and_gone_after(tmp_path, lock):
    with locked(tmp_path / "run"):
        assert json.loads(lock.read_text())["pid"] == os.getpid()
        with pytest.raises(RunInProgress, match=f"process {os.getpid()}"), locked(tmp_path / "run"):
            pass
        assert lock.exists()  # the loser does not remove it
    assert list(tmp_path.iterdir()) == []


def test_lock_of_a_dead_process_is_taken_over(tmp_path, lock):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    held_by(lock, host=socket.gethostname(), pid=process.pid, started="1")
    with locked(tmp_path / "run"):
        assert json.loads(lock.read_text())["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_process_with_the_number_of_a_dead_one_does_not_hold_its_lock(tmp_path, lock):
    held_by(lock, host=socket.gethostname(), pid=os.getpid(), started="not ours")
    with locked(tmp_path / "run"):
        pass


@pytest.mark.parametrize(("age", "free"), [(0, False), (60, False), (3600, True)])
def test_lock_of_another_host_counts_while_it_gives_signs_of_life(tmp_path, lock, age, free):
    held_by(lock, host="elsewhere", pid=1, started="1")
    then = time.time() - age
    os.utime(lock, (then, then))
    if free:
        with locked(tmp_path / "run"):
            pass
        assert list(tmp_path.iterdir()) == []
    else:
        with pytest.raises(RunInProgress, match=r"elsewhere.*remove"), locked(tmp_path / "run"):
            pass
        assert [each.name for each in tmp_path.iterdir()] == [".run.lock"]


def test_lock_that_is_just_being_written_counts(tmp_path, lock):
    lock.touch()
    with pytest.raises(RunInProgress), locked(tmp_path / "run"):
        pass


def test_lock_is_touched_while_it_is_held(tmp_path, lock, monkeypatch):
    monkeypatch.setattr("hepnb.runner.lock._BEAT", 0.01)
    with locked(tmp_path / "run"):
        os.utime(lock, (0, 0))
        deadline = time.monotonic() + 5
        while lock.stat().st_mtime == 0:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_full_disk_leaves_no_lock_that_nobody_holds(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("json.dump", full)
    with pytest.raises(OutputNotWritable, match="make room"), locked(tmp_path / "run"):
        pass
    assert list(tmp_path.iterdir()) == []
