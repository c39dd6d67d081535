"""The child of the image gate: its limits are real, it is replaced when it is lost, and it never outlives us."""

import asyncio
import contextlib
import hashlib
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from odd_images import GOOD, PHOTO, endless, png, saved

from flows.errors import Unavailable
from flows.image_limits import QUESTION, ImageLimits
from flows.images import Images, ImageUnfit, Prepared

DIGEST = hashlib.sha256(GOOD).hexdigest()
OTHERS = [GOOD + bytes((number,)) for number in range(6)]
"""The same photo with a tail: told apart by its digest alone."""

ORPHAN = """
import asyncio, sys, uvloop
from flows.images import Images

async def main():
    async with Images() as images:
        prepared = await images.prepare(sys.stdin.buffer.read())
        print(images._free[0]._process.pid, prepared.digest, flush=True)
        await asyncio.sleep(60)

with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(main())
"""


def pid_of(images: Images) -> int:
    process = images._free[0]._process
    assert process is not None
    return process.pid


def proc(pid: int, name: str) -> str:
    """A file of /proc/PID; "" when there is no such process."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/{name}").read_text()
    return ""


def is_gone(pid: int) -> bool:
    return ") Z " in (proc(pid, "stat") or ") Z ")


async def refused(images: Images, data: bytes) -> str:
    with pytest.raises(ImageUnfit) as caught:
        await images.prepare(data)
    assert caught.value.__cause__ is None
    return caught.value.word


def upset(images: Images, monkeypatch: pytest.MonkeyPatch, number: signal.Signals) -> asyncio.Event:
    """The child gets a signal at the moment when the next file is sent to it; the event says that it has."""
    done = asyncio.Event()
    child, pid = images._free[0], pid_of(images)
    send = child._send

    async def sending(data: bytes) -> None:
        if len(data) > QUESTION.size:
            monkeypatch.undo()
            os.kill(pid, number)
            done.set()
        await send(data)

    monkeypatch.setattr(child, "_send", sending)
    return done


async def test_the_limits_of_the_child_are_set() -> None:
    async with Images() as images:
        await images.prepare(GOOD)
        pid = pid_of(images)
        limits = {line[:26].strip(): line[26:].split()[:2] for line in proc(pid, "limits").splitlines()}
        assert limits["Max address space"] == [str(512 * 1024 * 1024)] * 2
        assert limits["Max file size"] == ["0", "0"]
        assert limits["Max open files"] == ["3", "3"]
        assert 5 <= int(limits["Max cpu time"][0]) <= 7


async def test_no_secret_of_ours_is_in_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHINOS_KEY", "invented-secret")
    async with Images() as images:
        await images.prepare(GOOD)
        with contextlib.suppress(PermissionError):  # only root may look: the child is not dumpable
            assert "MALLOC_ARENA_MAX" in proc(pid_of(images), "environ")
            assert "invented-secret" not in proc(pid_of(images), "environ")


async def test_memory_has_an_end() -> None:
    clear = png(4000, 4000, colour=6)
    async with Images(ImageLimits(memory=192 * 1024 * 1024)) as images:
        assert await refused(images, clear) == "too_many_pixels"
        assert (await images.prepare(GOOD)).digest == DIGEST
    async with Images() as images:
        assert (await images.prepare(clear, lenient=True)).width == 2400


async def test_time_has_an_end() -> None:
    file = endless()
    for limits in (ImageLimits(cpu_seconds=1), ImageLimits(cpu_seconds=60, seconds=0.5)):
        async with Images(limits) as images:
            await images.prepare(GOOD)
            before = pid_of(images)
            assert await refused(images, file) == "broken"
            assert is_gone(before)
            assert (await images.prepare(GOOD)).digest == DIGEST


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV])
async def test_a_child_that_is_lost_over_a_file_is_replaced(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    async with Images(ImageLimits(seconds=3)) as images:
        await images.prepare(GOOD)
        before = pid_of(images)
        upset(images, monkeypatch, number)
        assert await refused(images, GOOD) == "broken"
        assert is_gone(before)
        assert (await images.prepare(GOOD)).digest == DIGEST


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_no_file_is_blamed_for_a_child_that_was_lost_before(number: signal.Signals) -> None:
    async with Images(ImageLimits(start_seconds=3)) as images:
        await images.prepare(GOOD)
        before = pid_of(images)
        os.kill(before, number)
        assert (await images.prepare(GOOD)).digest == DIGEST
        assert pid_of(images) != before
        assert is_gone(before)


@pytest.mark.parametrize("python", ["/nonexistent/python", "/bin/true", "/bin/cat"])
async def test_a_child_that_does_not_start_is_no_fault_of_the_file(
    monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    images = Images(ImageLimits(start_seconds=2))
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", python)
        with pytest.raises(Unavailable):
            await images.prepare(GOOD)
    assert (await images.prepare(GOOD)).digest == DIGEST
    await images.close()


async def test_images_are_taken_in_order_and_answers_find_their_askers() -> None:
    done: list[int] = []

    async def prepare(images: Images, number: int) -> Prepared:
        prepared = await images.prepare(OTHERS[number])
        done.append(number)
        return prepared

    async with Images() as images:
        prepared = await asyncio.gather(*(prepare(images, number) for number in range(len(OTHERS))))
    assert done == list(range(len(OTHERS)))
    assert [one.digest for one in prepared] == [hashlib.sha256(data).hexdigest() for data in OTHERS]


async def test_who_gives_up_harms_nobody() -> None:
    async with Images() as images:
        tasks = [asyncio.create_task(images.prepare(data)) for data in OTHERS]
        await asyncio.sleep(0)
        assert not images._free
        tasks[0].cancel()
        tasks[2].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in (results[0], results[2])] == [asyncio.CancelledError] * 2
        expected = [hashlib.sha256(data).hexdigest() for data in OTHERS]
        assert [isinstance(r, Prepared) and r.digest == d for r, d in zip(results, expected, strict=True)] == [
            *(False, True, False),
            *(True, True, True),
        ]


async def test_a_child_whose_image_was_given_up_is_replaced_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Images() as images:
        await images.prepare(GOOD)
        before = pid_of(images)
        sent = upset(images, monkeypatch, signal.SIGSTOP)
        task = asyncio.create_task(images.prepare(OTHERS[0]))
        await sent.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert is_gone(before)
        assert (await images.prepare(GOOD)).digest == DIGEST


async def test_given_up_at_any_moment() -> None:
    file = saved(PHOTO, "PNG")
    async with Images() as images:
        for pause in (0, 0.001, 0.003, 0.01, 0.03, 0.1):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await images.prepare(file)
            assert (await images.prepare(GOOD)).digest == DIGEST


async def test_closing_leaves_nothing_behind() -> None:
    images = Images(ImageLimits(children=2))
    await images.start()
    prepared = await asyncio.gather(*(images.prepare(data) for data in OTHERS))
    assert len(prepared) == len(OTHERS)
    pids = [child._process.pid for child in images._free if child._process]
    assert len(set(pids)) == 2
    late = [asyncio.create_task(images.prepare(data)) for data in OTHERS]
    await asyncio.sleep(0)
    assert not images._free
    await images.close()
    results = await asyncio.gather(*late, return_exceptions=True)
    assert [type(result) for result in results] == [Prepared] * 2 + [Unavailable] * 4
    assert all(is_gone(pid) for pid in pids)
    with pytest.raises(Unavailable):
        await images.prepare(GOOD)
    await images.close()


def test_a_child_dies_with_its_parent_though_it_is_stopped() -> None:
    """Under uvloop too, which production runs on."""
    with subprocess.Popen([sys.executable, "-c", ORPHAN], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdin
        assert parent.stdout
        parent.stdin.write(GOOD)
        parent.stdin.close()
        pid, digest = parent.stdout.readline().split()
        assert digest.decode() == DIGEST
        child = os.pidfd_open(int(pid))
        os.kill(int(pid), signal.SIGSTOP)
        assert select.select([child], [], [], 0) == ([], [], [])
        parent.kill()
    assert select.select([child], [], [], 10)[0] == [child]
    os.close(child)
