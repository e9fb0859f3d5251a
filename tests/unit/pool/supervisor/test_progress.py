"""Progress of long things as log lines, every so often."""

from loguru import logger

from pool.messages import Current
from pool.supervisor.progress import ProgressLines
from tests.unit.pool.supervisor.fake_child import ITEM, beat, working
from tests.unit.pool.supervisor.test_supervisor import Pool


def current(stage="infer", item="item-1", step=12, steps=50, eta_s=66.0):
    return Current(
        item_id=item,
        stage=stage,
        step=step,
        steps=steps,
        progress=step / steps if steps else 0.0,
        eta_s=eta_s,
        lease_deadline=0.0,
        moved_at=0.0,
        limit_s=60.0,
        computing=True,
    )


def said(*moments):
    lines = ProgressLines(every_s=30.0)
    return [line for now, task in moments if (line := lines.line("gpu0", task, now)) is not None]


def test_a_long_stage_says_every_so_often_how_far_it_is():
    moments = [(float(now), current(step=now // 2)) for now in range(100)]
    assert said(*moments) == [
        "infer 30% (15 of 50), 1m06s left",
        "infer 60% (30 of 50), 1m06s left",
        "infer 90% (45 of 50), 1m06s left",
    ]


def test_a_short_stage_says_nothing():
    assert (
        said((0.0, current("download")), (29.0, current("infer")), (58.0, current("encode"))) == []
    )


def test_each_task_counts_for_itself():
    assert (
        said((0.0, current()), (31.0, current(item="item-2")), (60.0, current(item="item-2"))) == []
    )


def test_a_stage_without_steps_has_no_progress_to_tell():
    assert said((0.0, current("upload", steps=0)), (99.0, current("upload", steps=0))) == []


def test_an_unknown_end_is_left_out():
    assert said((0.0, current()), (30.0, current(eta_s=None))) == ["infer 24% (12 of 50)"]


def test_the_supervisor_logs_it_with_the_slot_and_the_item(tmp_path):
    pool = Pool(tmp_path)
    records = []
    sink = logger.add(
        lambda message: records.append(message.record),
        filter=lambda record: "progress" in record["extra"],
    )
    for _ in range(70):
        pool.children[0].says(beat(working(pool.now)))
        pool.round(1.0)
    logger.remove(sink)
    assert [record["message"] for record in records] == ["infer 2% (1 of 50)"] * 2
    assert {record["extra"]["slot"] for record in records} == {"cpu0"}
    assert {record["extra"]["item_id"] for record in records} == {ITEM}
