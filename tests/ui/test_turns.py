"""Turns: never more at work than there are places, who has had least first, one for each visitor, and nobody who has left."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Generator
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer import Setup, Stopped, sweep
from explorer.core.ground.halt import Halt
from explorer.ui import job, turns
from explorer.ui.job import Job
from explorer.ui.turns import Turn, Turns
from tests.ui.reading import PATIENCE


def eventually(holds: object) -> None:
    """Wait until a function returns something true."""
    assert callable(holds)
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def waiting(queue: Turns, turn: Turn) -> threading.Thread:
    """One who waits for a place, in its own thread."""
    thread = threading.Thread(target=queue.enter, args=(turn,), daemon=True)
    thread.start()
    eventually(lambda: turn in queue._waiting)
    return thread


def test_who_came_first_is_next_and_everybody_knows_the_place() -> None:
    queue, people = Turns(places=1), [Turn(name) for name in "abcd"]
    assert queue.enter(people[0])
    threads = [waiting(queue, each) for each in people[1:]]
    for done in range(3):
        assert [queue.ahead(each) for each in people[done + 1 :]] == list(range(1, 4 - done))
        queue.leave(people[done])
        threads[done].join(PATIENCE)
        assert queue.ahead(people[done + 1]) == 0


def test_who_has_worked_less_goes_first_and_who_works_gives_way() -> None:
    queue, long, short, longer = Turns(places=1), Turn("long"), Turn("short"), Turn("longer", spent=100.0)
    queue.enter(long)
    ahead_of = [waiting(queue, longer), waiting(queue, short)]
    assert queue.ahead(short) == 1
    assert queue.ahead(longer) == 2
    assert queue.give_way(long), "nobody has had less yet"
    assert queue.ahead(short) == 1
    long.began -= 10 * turns.SLICE
    back = threading.Thread(target=queue.give_way, args=(long,), daemon=True)
    back.start()
    ahead_of[1].join(PATIENCE)
    eventually(lambda: queue.ahead(long) == 1)
    assert queue.ahead(longer) == 2
    queue.leave(short)
    back.join(PATIENCE)
    queue.leave(long)
    ahead_of[0].join(PATIENCE)


def test_a_visitor_has_one_place_and_the_others_are_not_kept() -> None:
    queue, first, second, other = Turns(places=2), Turn("Anna"), Turn("Anna"), Turn("Ben")
    queue.enter(first)
    thread = waiting(queue, second)
    assert queue.enter(other), "there is a place, and Anna may not have it"
    assert queue.ahead(second) == 1, "and Ben is before her, as she is told"
    queue.leave(other)
    assert second in queue._waiting
    assert queue.ahead(second) == 0, "nobody but herself"
    queue.leave(first)
    thread.join(PATIENCE)
    assert queue.ahead(second) == 0


@pytest.mark.parametrize("seed", range(5))
def test_never_more_than_there_are_places_and_all_come_to_an_end(seed: int) -> None:
    """Thirty of seven visitors who come, give way, leave and lose patience as they like."""
    chance, queue, at_once, most, done = random.Random(seed), Turns(places=2), [0], [0], []
    lock = threading.Lock()

    def count(by: int) -> None:
        with lock:
            at_once[0] += by
            most[0] = max(most[0], at_once[0])

    class Patience:
        def __init__(self, seconds: float) -> None:
            self.end = time.monotonic() + seconds

        def is_set(self) -> bool:
            return time.monotonic() > self.end

    def visit(turn: Turn, pieces: int, halt: Halt | None) -> None:
        here = queue.enter(turn, halt)
        for _ in range(pieces):
            if here:
                count(1)
                time.sleep(0.001)
                count(-1)
                turn.began -= turns.SLICE
                here = queue.give_way(turn, halt)
        queue.leave(turn)
        done.append(turn)

    halts = [Patience(chance.uniform(0, 0.5)) if chance.random() < 0.3 else None for _ in range(30)]
    threads = [threading.Thread(target=visit, args=(Turn(chance.randrange(7)), chance.randrange(8), halt), daemon=True) for halt in halts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(done) == 30
    assert most[0] <= 2
    last = Turn("last")
    assert queue.enter(last), "every place is free again"


def test_jobs_wait_for_each_other_say_so_and_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "TURNS", Turns(places=1))
    go_on = threading.Event()

    def work(halt: Halt) -> Generator[int, None, None]:
        yield 0
        go_on.wait(PATIENCE)
        yield 1

    first, second, third = (Job(work) for _ in range(3))
    eventually(lambda: first.latest == 0)
    eventually(lambda: second.waits and third.waits)
    told = "Waiting for a turn: {} first. Heavy work takes turns, and who has had least of it is next."
    assert second.waits == told.format("one other visitor comes")
    assert third.waits == told.format("2 other visitors come")
    assert second.latest is None
    second.stop()
    second.wait(PATIENCE)
    assert second.left_off
    assert third.waits == told.format("one other visitor comes")
    go_on.set()
    third.wait(PATIENCE)
    assert (first.latest, third.latest, second.latest, third.waits) == (1, 1, None, "")
    second.go_on()
    second.wait(PATIENCE)
    assert second.latest == 1


def test_what_was_interrupted_goes_on_where_it_was_and_not_from_the_beginning() -> None:
    """Stopped by hand and gone on with; again, and once more. It hears of it with its next result."""
    go, begun = threading.Semaphore(0), []

    def work(halt: Halt) -> Generator[int, None, None]:
        begun.append(None)
        with np.errstate(all="raise"):  # must be left where it was entered, as the threads of a job do not know
            for step in range(9):
                go.acquire()
                yield step

    work_of = Job(work)
    for step in (0, 2, 4):
        go.release()
        eventually(lambda step=step: work_of.latest == step)
        work_of.stop()
        go.release()
        work_of.wait(PATIENCE)
        assert (work_of.latest, work_of.left_off) == (step + 1, True)
        work_of.go_on()
    for _ in range(3):
        go.release()
    work_of.wait(PATIENCE)
    assert (work_of.latest, len(begun), work_of.left_off) == (8, 1, False)


def two_jobs() -> None:
    """A page with two works, as the network's has."""
    import streamlit as st

    from explorer.ui.job import job, stop, stopped, watched

    both = [job(key, key, lambda halt: iter(lambda: halt.wait(0.01), True)) for key in "ab"]
    st.button("Stop", on_click=stop, args=tuple("ab"))
    stopped(*"ab")
    for each in both:
        watched(each, lambda found: None, "…")


def test_a_page_with_two_works_has_one_button_on_which_both_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped and gone on with, and again; a button that is there twice would be another mistake."""
    monkeypatch.setattr(job._State, "wait", lambda self, seconds: time.sleep(seconds) or self.is_set(), raising=False)
    monkeypatch.setattr(job, "TURNS", Turns(places=2))
    app = AppTest.from_function(two_jobs, default_timeout=PATIENCE).run()
    for _ in range(2):
        app.button[0].click().run()
        both = [app.session_state[key][1] for key in "ab"]
        eventually(lambda both=both: not any(each.running for each in both))
        app.run()
        assert [each.label for each in app.button] == ["Stop", "Go on"]
        assert all(each.left_off for each in both)
        app.button[1].click().run()
        assert [each.label for each in app.button] == ["Stop"]
        assert all(each.running for each in both)
    app.button[0].click().run()


def test_who_leaves_the_queue_holds_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dropped while it waits, as by a visitor who closes the page; again, and once more."""
    queue = Turns(places=1)
    monkeypatch.setattr(job, "TURNS", queue)
    held = Turn("held")
    queue.enter(held)
    for _ in range(3):
        gone = Job(lambda halt: (each for each in ()))
        eventually(lambda gone=gone: gone.waits)
        state = gone._state
        del gone
        eventually(lambda state=state: not queue.ahead(state.turn))
    queue.leave(held)
    assert queue.enter(Turn("next"))


def test_who_waits_for_something_to_see_has_not_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the first result takes; a visitor who leaves then is missed as before."""
    monkeypatch.setattr(job, "PATIENCE", 0.3)

    def slow(halt: Halt) -> Generator[str, None, None]:
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            time.sleep(0.01)
            if halt.is_set():
                return
        yield "found"
        while not halt.is_set():
            time.sleep(0.01)

    for _ in range(3):
        work = Job(slow, keeps=True)
        work.wait(PATIENCE, glance=0.01)
        assert work.latest == "found"
        eventually(lambda work=work: not work.running)


def test_light_work_of_a_page_never_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = Turns(places=1)
    monkeypatch.setattr(turns, "TURNS", queue)
    held, seen = Turn("held"), []
    queue.enter(held)
    with turns.turn(turns.LIGHT):
        seen.append("light")

    def heavy() -> None:
        with turns.turn(2 * turns.LIGHT), turns.turn(2 * turns.LIGHT):  # within its own turn it asks for no other
            seen.append("heavy")

    thread = threading.Thread(target=heavy, daemon=True)
    thread.start()
    eventually(lambda: queue.ahead(Turn("who", spent=0)) == 0 and len(queue._waiting) == 1)
    assert seen == ["light"]
    queue.leave(held)
    thread.join(PATIENCE)
    assert seen == ["light", "heavy"]
    assert queue.enter(held)


class Windows:
    """The windows that are open, as Streamlit's runtime knows them."""

    def __init__(self, *names: str) -> None:
        self.names = {*names}

    def is_active_session(self, name: str) -> bool:
        return name in self.names


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Windows:
    opened = Windows("Anna", "Ben")
    monkeypatch.setattr(turns, "runtime", SimpleNamespace(get_instance=lambda: opened))
    monkeypatch.setattr(turns, "TURNS", Turns(places=1))
    monkeypatch.setattr(job, "TURNS", turns.TURNS)
    return opened


def test_nobody_has_left_a_server_that_has_stopped(windows: Windows, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may stop between two looks of a thread that works on, which then ends with its work and not with an error."""
    gone = turns.Gone("Anna")
    assert not gone.is_set()
    windows.names.remove("Anna")
    assert gone.is_set()

    def stopped() -> Windows:
        raise RuntimeError("Runtime hasn't been created!")

    monkeypatch.setattr(turns, "runtime", SimpleNamespace(exists=lambda: True, get_instance=stopped))
    assert not gone.is_set()
    assert not turns.Gone(object()).is_set()


def minutes() -> None:
    """Work that takes far longer than a test waits."""
    setup = Setup("x_squared", learning_rate=1.0)
    for _ in range(100):
        sweep(setup.make_loss(), setup.make_optimizer(), [1.0], steps=10**7)


def page(begun: threading.Event, ended: threading.Event) -> None:
    """A page's own run that is stopped."""
    try:
        with turns.turn(2 * turns.LIGHT):
            begun.set()
            minutes()
    except Stopped:
        ended.set()


@pytest.mark.parametrize("waits", [False, True])
def test_a_page_ends_within_its_own_run_once_its_window_is_closed(windows: Windows, monkeypatch: pytest.MonkeyPatch, waits: bool) -> None:
    """At work or in the queue; the place is free again, for the next and the one after."""
    monkeypatch.setattr(turns, "visitor", lambda: "Anna")
    for _ in range(2):
        windows.names, begun, ended, held, after = {"Anna", "Ben"}, threading.Event(), threading.Event(), Turn("held"), Turn("next")
        if waits:
            turns.TURNS.enter(held)
        threading.Thread(target=page, args=(begun, ended), daemon=True).start()
        eventually((lambda: turns.TURNS._waiting) if waits else begun.is_set)
        windows.names.remove("Ben")
        assert not ended.wait(2 * turns.TICK), "another one's window"
        windows.names.remove("Anna")
        assert ended.wait(PATIENCE)
        turns.TURNS.leave(held)
        assert turns.TURNS.enter(after)
        turns.TURNS.leave(after)


@pytest.mark.parametrize("far", [False, True])
def test_a_job_ends_once_its_window_is_closed_however_far_its_next_result(
    windows: Windows, monkeypatch: pytest.MonkeyPatch, far: bool
) -> None:
    """What was near goes on where it was, should the visitor come back; what was far, from the beginning. Again, and once more."""
    monkeypatch.setattr(job, "GRACE", 0.1 if far else PATIENCE)
    monkeypatch.setattr(job, "visitor", lambda: "Anna")
    begun: list[None] = []
    within: list[None] = []

    def work(halt: Halt) -> Generator[int, None, None]:
        begun.append(None)
        for result in range(4):
            yield result
            within.append(None)
            if far:
                minutes()
            while not halt.is_set():
                time.sleep(0.005)

    running = Job(work)
    for back in range(3):
        eventually(lambda times=back + 1: len(within) == times)
        windows.names.discard("Anna")
        running.wait(PATIENCE)
        assert (running.running, running.left_off, running.error) == (False, False, "")
        assert (running.latest, len(begun)) == ((0, back + 1) if far else (back + 1, 1))
        windows.names.add("Anna")
        running.look()
