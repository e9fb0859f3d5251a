"""The child's loop, one step after the other: tasks, questions, and what the supervisor hears."""

import shutil

import pytest
from loguru import logger

from client.errors import Transient, Unauthorized
from inference.backend import Video
from pool.child.news import BackendLoaded, Exit, KeyRefused, Logged
from pool.exit_codes import ExitCode
from pool.lease.rhythm import Rhythm
from pool.messages import Beat, KeyAccepted, Loaded, Said, TaskEnded
from tests.unit.pool.child.looped_child import FOREIGN, OTHER, TASK, Child


@pytest.fixture
def child(tmp_path):
    return Child(tmp_path)


# Tasks


def test_a_task_is_worked_on_to_its_end_and_told(child):
    child.work_to_the_end()
    [ended] = child.told.of(TaskEnded)
    assert (ended.item_id, ended.ending) == ("item-1", "completed")
    assert ended.storage_path == "videos/item-1.mp4"
    assert child.calls[-1][0] == "completed"


def test_files_that_cannot_be_removed_cost_neither_the_report_nor_the_child(child, tmp_path):
    def obstruct(*_args, **_more):
        # A folder in a file's place, and a file in a folder's: neither is removed as what it was.
        label = tmp_path / "undelivered" / "item-1.json"
        label.unlink()
        label.mkdir()
        (folder,) = (tmp_path / "work").iterdir()
        shutil.rmtree(folder)
        folder.write_text("")

    child.means.tools.shelf.store = obstruct
    child.work_to_the_end()
    assert child.told.endings == [("item-1", "completed")]
    child.means.tools.shelf.store = lambda *_args, **_more: None
    child.work_to_the_end(OTHER)
    assert child.told.endings[-1] == ("item-2", "completed")
    assert child.loop.exit is None


def test_the_supervisor_knows_of_an_inference_before_it_begins(child):
    """Else a process that dies of it, or hangs with it, dies of nothing that anybody knows of."""
    known = []
    child.backend.while_inferring = lambda: known.append(child.told.stages)
    child.work_to_the_end()
    assert known == [["infer"]]


def test_an_item_that_killed_two_children_is_reported_and_not_tried(tmp_path):
    child = Child(tmp_path, deaths=["killed by SIGSEGV", "killed by SIGBUS"])
    child.work_to_the_end()
    assert child.backend.inferred == []
    reason = "crashed the worker twice: killed by SIGBUS"
    assert child.calls[-1] == ("failed", "item-1", "w-cpu0-1", reason)


def test_an_item_whose_photo_is_never_given_out_is_reported_in_words(tmp_path):
    child = Child(tmp_path, unsigned=3)
    child.work_to_the_end()
    assert "sign download" not in [call[0] for call in child.calls]
    reason = "the photo could not be fetched: the server gave it out no more, only others"
    assert child.calls[-1] == ("failed", "item-1", "w-cpu0-1", reason)


def test_a_photo_that_was_not_given_out_twice_is_asked_for_again(tmp_path):
    child = Child(tmp_path, unsigned=2)
    child.work_to_the_end()
    assert child.calls[-1][0] == "completed"


def test_one_death_is_an_accident(tmp_path):
    child = Child(tmp_path, deaths=["killed by SIGSEGV"])
    child.work_to_the_end()
    assert child.calls[-1][0] == "completed"


def keep_video(child, tmp_path, task):
    made = tmp_path / "made.mp4"
    made.write_bytes(b"made before")
    video = Video(made, 73, 48, 32, 24.0, 3.0, 11)
    child.means.tools.undelivered.keep(task, task.item_id, video)


@pytest.mark.parametrize("deaths", [(), ("killed by SIGSEGV", "killed by SIGBUS")])
def test_a_video_that_is_made_already_is_delivered_and_not_made_again(tmp_path, deaths):
    child = Child(tmp_path, deaths=deaths)
    keep_video(child, tmp_path, TASK)
    child.work_to_the_end()
    assert child.means.tools.shelf.stored == [b"made before"]
    assert child.backend.inferred == []
    assert child.told.endings == [("item-1", "completed")]


def test_an_item_that_comes_again_while_it_is_in_work_changes_nothing(child):
    child.device.holds = True
    child.polled(TASK)
    child.pass_time(3)
    sent = len(child.calls)
    child.polled(TASK)
    child.pass_time(3)
    assert len(child.calls) == sent
    child.device.finish()
    child.pass_time(3)
    assert child.told.endings == [(TASK.item_id, "completed")]


def test_a_task_of_the_other_kind_is_given_back_and_not_reported(child):
    child.work_to_the_end(FOREIGN)
    assert [call[0] for call in child.calls] == ["renew"]
    assert child.given_back(FOREIGN)
    assert child.told.endings == [("item-3", "released")]


def test_a_task_of_the_other_kind_that_comes_again_and_again_is_logged_once(child):
    lines = []
    number = logger.add(lambda line: lines.append(line.record["message"]), level="INFO")
    child.work_to_the_end(FOREIGN)
    child.work_to_the_end(FOREIGN)
    logger.remove(number)
    assert lines == ["for another kind of worker (runway_gen4): given back whenever it comes"]


# Asking for more


def test_nothing_is_asked_for_before_the_backend_is_loaded(tmp_path):
    child = Child(tmp_path, loaded=False)
    child.pass_time(3)
    assert child.asked.wishes == []
    assert child.told.of(Beat)[-1].waiting_for == "loading"
    child.step(BackendLoaded(None))
    assert child.asked.wishes == ["now"]
    assert len(child.told.of(Loaded)) == 1


def test_a_backend_that_cannot_be_loaded_ends_the_child(tmp_path):
    child = Child(tmp_path, loaded=False)
    child.step(BackendLoaded(Exit(ExitCode.CONFIG, "no weights in /models")))
    assert child.loop.exit == Exit(ExitCode.CONFIG, "no weights in /models")
    assert child.told.of(Loaded) == []


@pytest.mark.parametrize("where", ["the backend", "the disk"])
def test_a_child_that_should_take_no_task_asks_for_none_and_says_why(child, where):
    def say(why):
        if where == "the disk":
            child.full_disk = why
        else:
            child.backend.closed_to_tasks = why

    say("out of credit")
    child.asked.asked_again()
    child.pass_time(3)
    assert child.asked.asked_again() == []
    assert child.told.of(Beat)[-1].waiting_for == "out of credit"
    say(None)
    child.pass_time(1)
    assert set(child.asked.asked_again()) == {"now"}
    assert child.told.of(Beat)[-1].waiting_for is None


def test_the_next_task_is_asked_for_while_the_device_works(child):
    child.loop._desk.rhythm = Rhythm().inferred(0, 60.0).readied(2.0)
    child.put_on_the_device()
    child.asked.asked_again()
    child.pass_time(40)
    assert child.asked.asked_again() == []
    child.pass_time(15)
    assert set(child.asked.asked_again()) == {"for later"}
    child.pass_time(3)
    assert set(child.asked.asked_again()) >= {"now"}


def test_what_waited_for_the_end_of_another_starts_in_the_same_step(child):
    child.put_on_the_device(TASK)
    child.polled(OTHER)
    child.pass_time(2)
    child.device.finish()
    child.step()
    assert child.told.stages == ["infer"]
    assert child.told.endings == [("item-1", "completed")]


# The key


@pytest.mark.parametrize("key_accepted", [True, False])
def test_the_key_is_tried_while_the_backend_loads_unless_it_is_known_to_be_good(
    tmp_path, key_accepted
):
    child = Child(tmp_path, loaded=False, key_accepted=key_accepted)
    child.pass_time(3)
    assert bool(child.asked.keys_tried) is not key_accepted
    child.step(BackendLoaded(None))
    tried = child.asked.keys_tried
    child.pass_time(3)
    assert child.asked.keys_tried == tried


def test_a_key_that_is_refused_while_the_backend_loads_ends_the_child(tmp_path):
    child = Child(tmp_path, loaded=False)
    child.step(KeyRefused(Unauthorized("the key is refused (401)")))
    assert child.loop.exit.code is ExitCode.UNAUTHORIZED


def test_a_key_that_never_worked_ends_the_child(child):
    child.polled(error=Unauthorized("the key is refused (401)"))
    assert child.loop.exit.code is ExitCode.UNAUTHORIZED


@pytest.mark.parametrize("key_accepted", [True, False])
def test_a_key_that_worked_once_is_waited_for(tmp_path, key_accepted):
    child = Child(tmp_path, key_accepted=key_accepted)
    child.polled()
    child.polled(error=Unauthorized("the key is refused (401)"))
    assert child.loop.exit is None
    assert len(child.told.of(KeyAccepted)) == (0 if key_accepted else 1)


def test_a_key_that_is_refused_later_does_not_stop_what_is_in_work(child):
    child.polled()
    child.put_on_the_device()
    child.polled(error=Unauthorized("the key is refused (401)"))
    child.device.finish()
    child.step()
    assert child.told.endings == [("item-1", "completed")]


def test_a_queue_that_cannot_be_asked_is_asked_again(child):
    child.polled(error=Transient("503"))
    assert child.loop.exit is None
    assert child.told.of(KeyAccepted) == []


# What the supervisor hears


def test_an_idle_child_beats_once_a_second(child):
    before = len(child.told.of(Beat))
    child.pass_time(30)
    assert len(child.told.of(Beat)) - before == pytest.approx(30, abs=1)


def test_every_change_of_stage_is_told_at_once(child):
    child.means.lanes.fetch.holds = True
    child.polled(TASK)
    stages = [child.told.stages]
    for _ in range(3):
        child.means.lanes.fetch.finish()
        child.step()
        stages.append(child.told.stages)
    assert stages == [["confirm"], ["download"], ["prepare"], ["confirm"]]


def test_log_lines_travel_to_the_supervisor(child):
    child.step(Logged("WARNING", "a line", "item-1"))
    assert child.told.of(Said) == [Said(level="WARNING", text="a line", item_id="item-1")]
