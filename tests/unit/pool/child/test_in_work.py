"""One task in work: moves out to lanes, outcomes and signs of life back, the fence in between."""

import gc
import weakref

import pytest

from client.errors import NotYours, Transient, Unsigned
from inference.backend import Video
from pool.child.in_work import Lanes
from pool.child.news import MoveEnded, Stirred
from pool.lease.moves import (
    Encode,
    Ending,
    Fault,
    Fetch,
    Infer,
    Outcome,
    Prepare,
    ProbeUpload,
    Release,
    Renew,
    ReportCompleted,
    ReportFailed,
    Store,
)
from pool.lease.pace import Stage
from tests.unit.pool.child.held_child import LEASE_S, HeldDesk, raising


@pytest.fixture
def held(tmp_path):
    return HeldDesk(tmp_path)


def stored_while(held, happening):
    """Let this happen in the middle of the next upload; what the transfer was told then."""
    told = []

    def store(url, source, *, progress, stop):
        happening()
        told.append(stop())

    held.means.tools.shelf.store = store
    return told


# The fence


def test_a_loss_stops_what_is_being_sent_at_once(held):
    work = held.make_ready("a")

    def the_lease_is_taken_away():
        work.job.lease = work.job.lease.refused()
        held.step()

    told = stored_while(held, the_lease_is_taken_away)
    held.finish_inference()
    assert told == [True]
    assert work.job.ending is Ending.LOST
    assert "completed" not in held.sent("a")


def test_the_deadline_stops_what_is_being_sent_although_nobody_looked(held):
    held.make_ready("a")
    told = stored_while(held, lambda: held.pass_unseen(LEASE_S))
    held.finish_inference()
    assert told == [True]
    assert "completed" not in held.sent("a")


def test_a_renewal_moves_the_deadline_of_what_is_being_sent(held):
    work = held.make_ready("a")
    for step in range(LEASE_S):
        work.job.moved(held.clock.now, step, 10_000)
        held.pass_time(1)
    told = stored_while(held, lambda: held.pass_unseen(LEASE_S / 2))
    held.finish_inference()
    assert told == [False]
    assert held.sent("a")[-1] == "completed"


def test_a_lease_that_is_given_back_cancels_the_inference(held):
    work = held.make_ready("a")
    work.give_back(held.clock.now)
    held.settle()
    assert held.given_back("a")
    held.finish_inference()
    assert held.backend.inferred == []


# Outcomes


def test_an_outcome_of_another_task_changes_nothing(held):
    work = held.make_ready("a")
    stranger = MoveEnded(work.serial + 1, Outcome(Infer(), 0.0), None, held.clock.now)
    held.desk.handle(stranger)
    assert work.inferring
    assert held.desk.rhythm.infer_s == {}


def test_two_404s_count_by_when_they_were_answered_not_by_when_the_loop_heard_of_them(held):
    work = held.make_ready("a")
    at = held.clock.now
    for answered_at in (at + 1.0, at + 3.5):
        outcome = Outcome(Renew(600), answered_at, Fault.MISSED)
        held.desk.tasks[0].handle(MoveEnded(work.serial, outcome, None, answered_at))
    assert work.job.ending is Ending.LOST


def test_an_outcome_that_comes_after_the_end_only_lets_go_of_the_task(held):
    work = held.make_ready("a")
    work.job.lease = work.job.lease.refused()
    held.settle()
    assert (work.job.ending, work.over) == (Ending.LOST, False)
    held.finish_inference()
    assert (work.job.ending, work.over) == (Ending.LOST, True)
    assert work.ended().ending == "lost"


def test_a_task_is_not_over_while_a_heartbeat_is_on_its_way(held):
    work = held.make_ready("a")
    held.lanes.renewals[0].holds = True
    held.pass_time(125)
    held.finish_inference()
    assert (work.job.ending, work.over) == (Ending.COMPLETED, False)
    held.lanes.renewals[0].finish()
    held.settle()
    assert work.over


def test_heartbeats_go_on_while_everything_else_waits(held):
    held.lanes.fetch.holds = True
    held.take("a")
    held.pass_time(30)
    assert held.sent("a") == ["renew"]


def test_an_error_that_nobody_foresaw_ends_the_process_and_points_at_the_task(held):
    held.backend.prepare = raising(KeyError("a bug"))
    work = held.take("a")
    held.pass_time(2)
    assert work.job.ending is Ending.ABANDONED
    assert work.unfit == held.desk.unfit == "unexpected KeyError in prepare"
    assert work.ended().suspect


def test_an_error_of_the_outside_world_ends_no_process(held):
    held.queue.sign_download = raising(Transient("503"))
    work = held.take("a")
    held.pass_time(5)
    assert (work.job.ending, work.unfit, work.suspect) == (None, None, False)


def test_a_task_whose_photo_gets_no_url_is_let_go_and_says_so(held):
    held.queue.sign_download = raising(Unsigned("500"))
    work = held.take("a")
    held.pass_time(400)
    assert work.job.ending is Ending.ABANDONED
    assert work.ended().photo == "unsigned"


def test_a_task_whose_photo_came_says_so_however_it_ends(held):
    work = held.make_ready("a")
    work.give_back(held.clock.now)
    held.pass_time(1)
    assert work.ended().photo == "fetched"


def test_a_refusal_of_the_report_is_a_loss(held):
    held.queue.report_completed = raising(NotYours("403"))
    work = held.make_ready("a")
    held.finish_inference()
    assert work.job.ending is Ending.LOST


# Signs of life


def test_signs_of_life_reach_the_job_with_the_time_at_which_they_were_shown(held):
    work = held.make_ready("a")

    def steps():
        for step in range(1, 6):
            held.pass_unseen(3)
            work._signs.note(step, 50)

    steps()
    shown_at = held.clock.now
    held.pass_unseen(20)
    held.step()
    pace = work.job.pace
    assert (pace.moved_at, pace.done, pace.total, pace.step_s) == (shown_at, 5, 50, 3)


def test_signs_of_life_wake_the_loop_but_not_thousands_of_times(held):
    work = held.make_ready("a")
    held.means.inbox.take(0)
    for step in range(10_000):
        work._signs.note(step, 10_000)
    assert held.means.inbox.take(0) == [Stirred()]
    held.pass_unseen(0.1)
    work._signs.note(10_000, 10_000)
    assert held.means.inbox.take(0) == [Stirred()]


def test_signs_that_nobody_collects_are_bounded(held):
    work = held.make_ready("a")
    for step in range(5000):
        work._signs.note(step, 5000)
    assert len(list(work._signs.take())) == 1000


def test_the_supervisor_is_told_what_the_task_shows(held):
    work = held.make_ready("a")
    work.job.moved(held.clock.now, 60, 50)
    current = work.current(held.clock.now)
    assert (current.item_id, current.stage) == ("a", Stage.INFER)
    assert (current.step, current.steps, current.progress) == (60, 50, 1.0)
    assert (current.lease_deadline, current.limit_s) == (work.job.lease.deadline, 100.0)


@pytest.mark.parametrize("remote", [False, True])
def test_a_process_computes_in_an_inference_unless_that_happens_elsewhere(held, remote):
    work = held.make_ready("a")
    held.means.tools.backend.remote = remote
    assert work.job.pace.stage is Stage.INFER
    assert work.current(held.clock.now).computing is not remote


# Lanes


def lanes():
    names = ("device", "fetch", "deliver", "poll")
    return Lanes(*names, renewals=("renewals-0", "renewals-1", "renewals-2"))


@pytest.mark.parametrize(
    ("move", "lane"),
    [
        (Renew(600), "renewals-1"),
        (Release(), "renewals-1"),
        (Infer(), "device"),
        (ProbeUpload(), "fetch"),
        (Fetch(), "fetch"),
        (Prepare(), "fetch"),
        (Encode(), "deliver"),
        (Store(), "deliver"),
        (ReportCompleted("videos/i.mp4"), "deliver"),
        (ReportFailed("why"), "deliver"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_nothing_waits_behind_what_it_could_run_beside(move, lane):
    assert lanes().of(move, seat=1) == lane


def test_the_heartbeats_of_two_tasks_do_not_wait_for_each_other():
    assert lanes().of(Renew(600), seat=0) != lanes().of(Renew(600), seat=2)


# What is left and what is written down


def test_everything_that_happened_is_noted_in_order(held):
    work = held.make_ready("a")
    held.finish_inference()
    work.ended()
    events = [event for event, item_id in held.means.tools.events.noted if item_id == "a"]
    order = ["confirmed", "infer_started", "infer_ended", "kept", "stored", "completed"]
    assert events == order


def test_a_task_that_has_not_ended_has_no_last_word(held):
    with pytest.raises(RuntimeError, match="has not ended"):
        held.take("a").ended()


def test_the_last_word_says_where_the_video_is_and_what_it_is(held):
    work = held.make_ready("a")
    held.finish_inference()
    ended = work.ended()
    assert (ended.ending, ended.storage_path) == ("completed", "videos/a.mp4")
    assert (ended.video_frames, ended.video_size) == (9, "48x32")
    assert set(ended.stage_s) <= {str(stage) for stage in Stage}


def files_under(held):
    return sorted(path.name for path in held.means.tools.work_dir.parent.rglob("*.*"))


def test_a_delivered_task_leaves_nothing_on_disk(held):
    work = held.make_ready("a")
    held.finish_inference()
    work.clear()
    assert files_under(held) == []


def test_a_video_that_could_not_be_delivered_stays_on_disk(held):
    held.queue.report_completed = raising(NotYours("403"))
    work = held.make_ready("a")
    held.finish_inference()
    work.clear()
    assert files_under(held) == ["a.json", "a.mp4"]


def test_a_video_that_was_made_before_is_delivered_and_not_made_again(held, tmp_path):
    made = tmp_path / "made.mp4"
    made.write_bytes(b"made before")
    held.take("a", found=Video(made, 73, 48, 32, 24.0, 3.0, 11))
    held.pass_time(2)
    assert held.means.tools.shelf.stored == [b"made before"]
    assert held.backend.inferred == []
    assert held.sent("a")[-1] == "completed"


# What is left of it


@pytest.mark.parametrize("lost", [False, True])
def test_nothing_is_left_of_a_task_that_is_over_even_if_the_collector_never_comes(held, lost):
    work = held.make_ready("a")
    held.make_ready("b")
    if lost:
        work.job.lease = work.job.lease.refused()
    remains = [weakref.ref(part) for part in (work, work.job, work._bench, work._fence)]
    gc.collect()
    gc.disable()
    try:
        del work
        held.finish_inference()
        assert [task.task.item_id for task in held.desk.tasks] == ["b"]
        assert [part for part in remains if part() is not None] == []
    finally:
        gc.enable()
