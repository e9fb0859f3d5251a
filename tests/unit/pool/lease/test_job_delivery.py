"""A finished video on its way out, and objects that are there already."""

from pool.lease.moves import (
    Encode,
    Ending,
    Fault,
    Infer,
    Outcome,
    ProbeUpload,
    Renew,
    ReportCompleted,
    ReportFailed,
    Store,
)
from tests.unit.pool.lease.driven_job import PATHS, Driven


def test_an_object_that_exists_is_reported_without_any_work():
    driven = Driven()
    driven.fail(ProbeUpload, Fault.STORED_ALREADY)
    driven.finish(driven.run(ReportCompleted))
    assert driven.job.ending is Ending.COMPLETED
    assert driven.kinds() == [ProbeUpload, ReportCompleted]
    assert driven.now >= 1, "the lease was confirmed first"


def test_uploads_that_cannot_be_signed_again_and_again_mean_that_the_object_exists():
    driven = Driven()
    driven.fail(ProbeUpload, Fault.UNSIGNED, times=4)
    driven.finish(driven.run(ReportCompleted))
    assert driven.job.ending is Ending.COMPLETED
    assert Infer not in driven.kinds()


def test_a_network_in_trouble_is_no_reason_to_presume_a_video():
    driven = Driven()
    while driven.job.ending is None:
        driven.fail(ProbeUpload, Fault.TRANSIENT)
        driven.step()
        for renewal in [move for move in driven.open if isinstance(move, Renew)]:
            driven.finish(renewal)
    assert driven.job.ending is Ending.ABANDONED
    assert ReportCompleted not in driven.kinds()


def test_a_presumed_object_is_looked_for_in_both_places_and_then_let_go():
    driven = Driven()
    driven.fail(ProbeUpload, Fault.UNSIGNED, times=4)
    driven.fail(ReportCompleted, Fault.TRANSIENT, times=6)
    assert driven.job.ending is Ending.ABANDONED
    tried = {move.storage_path for move in driven.sent if isinstance(move, ReportCompleted)}
    assert tried == set(PATHS)
    assert ReportFailed not in driven.kinds()


def test_a_refused_put_because_it_exists_counts_as_stored():
    driven = Driven()
    driven.fail(Store, Fault.STORED_ALREADY)
    assert driven.run(ReportCompleted) == ReportCompleted(PATHS[1])


def test_a_video_that_is_made_already_is_delivered_and_not_made_again():
    driven = Driven(made=True)
    driven.finish(driven.run(ReportCompleted))
    assert driven.kinds() == [ProbeUpload, Store, ReportCompleted]
    assert driven.now >= 1, "the lease was confirmed first"


def test_what_may_not_start_yet_waits_without_waking_anybody_and_keeps_its_lease():
    driven = Driven()
    driven.run(Infer)
    driven.finish(Infer())
    for _ in range(100):
        driven.now += 10
        driven.job.waited(driven.now)
        moves = driven.job.step(driven.now, may=lambda move: not isinstance(move, Encode))
        assert all(isinstance(move, Renew) for move in moves)
        for move in moves:
            driven.job.handle(Outcome(move, driven.now), driven.now)
        assert driven.job.held
        assert driven.job.wake_at(driven.now) > driven.now
    assert driven.job.ending is None
    assert driven.step() == [Encode()]


def test_an_upload_without_an_answer_is_looked_for_before_it_is_sent_again():
    driven = Driven()
    driven.fail(Store, Fault.MAYBE_STORED)
    driven.finish(driven.run(ReportCompleted))
    assert driven.job.ending is Ending.COMPLETED
    assert driven.kinds().count(Store) == 1


def test_an_upload_that_did_not_arrive_after_all_is_sent_again():
    driven = Driven()
    driven.fail(Store, Fault.MAYBE_STORED)
    driven.fail(ReportCompleted, Fault.TRANSIENT, times=3)
    driven.finish(driven.run(ReportCompleted))
    assert driven.job.ending is Ending.COMPLETED
    assert driven.kinds().count(Store) == 2


def test_an_upload_that_never_gets_an_answer_is_let_go_in_the_end():
    driven = Driven()
    while driven.job.ending is None:
        driven.step()
        for move in [*driven.open]:
            if isinstance(move, Store):
                driven.finish(move, Fault.MAYBE_STORED)
            elif isinstance(move, ReportCompleted):
                driven.finish(move, Fault.TRANSIENT)
            else:
                driven.finish(move, text=PATHS[1] if isinstance(move, ProbeUpload) else "")
        driven.advance()
    assert driven.job.ending is Ending.ABANDONED
    assert driven.kinds().count(Store) <= 6
