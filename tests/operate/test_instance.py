"""One instance per folder: the lock, the note, and what a killed run left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from publisher.errors import InputError
from publisher.operate import instance, processes
from publisher.operate.instance import Note
from publisher.operate.processes import ProcessId, identify

# Holds the lock that it inherited.
HOLDER = "import sys, time; print('up', flush=True); time.sleep(600)"
# It stops, but not at once.
CAREFUL = "import signal, sys, time; signal.signal(15, lambda *_: (time.sleep(1), sys.exit(3)));" + HOLDER


def start_holder(descriptor: int, code: str = HOLDER) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        pass_fds=(descriptor,),
        start_new_session=True,
    )
    assert holder.stdout
    holder.stdout.readline()
    return holder


def test_a_note_is_read_as_it_was_written(tmp_path: Path) -> None:
    note = Note(
        ProcessId(1, "then"),
        "http://127.0.0.1:8000",
        8010,
        {"REDIS_URL": "redis+socket:///x"},
        {"web": ProcessId(2, "later")},
    )
    instance.write_note(tmp_path, note)
    assert instance.read_note(tmp_path) == note


@pytest.mark.parametrize("content", ["", "{", "[]", '{"supervisor": 1}'])
def test_a_note_that_makes_no_sense_is_no_note(tmp_path: Path, content: str) -> None:
    instance.note_path(tmp_path).write_text(content)
    assert instance.read_note(tmp_path) is None


def test_a_second_instance_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    lock, _ = instance.take_lock(tmp_path)
    instance.write_note(tmp_path, Note(identify(os.getpid()), "http://127.0.0.1:8123"))
    with pytest.raises(InputError, match=r"http://127\.0\.0\.1:8123"):
        instance.take_lock(tmp_path)
    os.close(lock)
    again, orphans = instance.take_lock(tmp_path)
    os.close(again)
    assert orphans == 0


def test_orphans_of_a_killed_run_are_stopped_before_the_next(tmp_path: Path) -> None:
    lock, _ = instance.take_lock(tmp_path)
    holder = start_holder(lock)
    os.close(lock)
    dead = subprocess.Popen(["/bin/true"])
    dead.wait()
    instance.write_note(tmp_path, Note(ProcessId(dead.pid, "long ago"), processes={"broker": identify(holder.pid)}))
    again, orphans = instance.take_lock(tmp_path)
    os.close(again)
    assert orphans == 1
    assert holder.wait(timeout=20) != 0
    if holder.stdout:
        holder.stdout.close()


def test_forks_that_a_killed_run_left_behind_are_stopped_too(tmp_path: Path) -> None:
    lock, _ = instance.take_lock(tmp_path)
    fork = start_holder(lock)
    os.close(lock)
    gone = ProcessId(fork.pid, "long ago")
    instance.write_note(tmp_path, Note(gone, processes={"workers": gone}))
    instance.note_forks(tmp_path, [identify(fork.pid)])
    again, orphans = instance.take_lock(tmp_path)
    os.close(again)
    assert (orphans, fork.wait(timeout=20)) == (1, -signal.SIGTERM)
    if fork.stdout:
        fork.stdout.close()


def test_orphans_that_are_stopping_have_the_time_that_is_given(tmp_path: Path) -> None:
    lock, _ = instance.take_lock(tmp_path)
    holder = start_holder(lock, CAREFUL)
    os.close(lock)
    instance.write_note(tmp_path, Note(ProcessId(holder.pid, "long ago"), processes={"x": identify(holder.pid)}))
    again, _ = instance.take_lock(tmp_path, grace_s=20)
    assert holder.wait(timeout=20) == 3
    late = start_holder(again, CAREFUL)
    os.close(again)
    processes.stop_groups([identify(late.pid)], grace_s=0.1)
    assert late.wait(timeout=20) == -signal.SIGKILL
    for each in (holder, late):
        if each.stdout:
            each.stdout.close()


def test_no_forks_no_note(tmp_path: Path) -> None:
    fork = ProcessId(7, "then")
    instance.note_forks(tmp_path, [fork])
    assert instance.read_forks(tmp_path) == [fork]
    instance.note_forks(tmp_path, [])
    assert instance.read_forks(tmp_path) == [] and list(tmp_path.iterdir()) == []


def test_a_process_that_only_has_the_same_pid_is_left_alone(tmp_path: Path) -> None:
    lock, _ = instance.take_lock(tmp_path)
    holder = start_holder(lock)
    os.close(lock)
    stranger = ProcessId(holder.pid, "some other time")
    instance.write_note(tmp_path, Note(ProcessId(holder.pid, "long ago"), processes={"broker": stranger}))
    with pytest.raises(InputError, match=r"run\.lock"):
        instance.take_lock(tmp_path, wait_s=0.3)
    assert processes.is_alive(identify(holder.pid))
    holder.kill()
    holder.wait()
    if holder.stdout:
        holder.stdout.close()


def test_an_ended_process_is_not_alive() -> None:
    child = subprocess.Popen(["/bin/sleep", "600"])
    identity = identify(child.pid)
    assert processes.is_alive(identity)
    child.kill()
    # Nobody has asked for its exit code yet: it is a zombie, which works no more.
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not processes.is_alive(identity)
    child.wait()
    assert not processes.is_alive(identity)
    assert not processes.is_alive(identify(child.pid))
