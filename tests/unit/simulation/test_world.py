"""The scheduler: time, freezes and deaths."""

from tests.simulation.world import Process, World


class Diary:
    """Fibers that write down when they did what."""

    def __init__(self):
        self.world = World(seed=1)
        self.lines = []

    def process(self, name="a"):
        return Process(name, lambda: self.world.now)

    def sleeper(self, name, *seconds):
        def body():
            for pause_s in seconds:
                self.world.sleep(pause_s)
                self.lines.append((name, self.world.now))

        return body


def test_time_passes_only_by_sleeping_and_fibers_interleave():
    diary = Diary()
    diary.world.spawn(diary.sleeper("slow", 3, 3), None)
    diary.world.spawn(diary.sleeper("quick", 2, 2), None)
    diary.world.run()
    assert diary.lines == [("quick", 2), ("slow", 3), ("quick", 4), ("slow", 6)]


def test_a_frozen_process_does_everything_that_was_due_when_it_thaws():
    diary = Diary()
    process = diary.process()
    process.frozen_until = 10
    diary.world.spawn(diary.sleeper("one", 1, 1), process)
    diary.world.run()
    assert diary.lines == [("one", 11), ("one", 12)]


def test_a_killed_process_does_nothing_more_and_the_world_goes_on():
    diary = Diary()
    process = diary.process()
    diary.world.spawn(diary.sleeper("dead", 1, 1, 1), process)
    diary.world.spawn(diary.sleeper("alive", 5), None)
    diary.world.at(1.5, None, diary.world.kill, process)
    diary.world.run()
    assert diary.lines == [("dead", 1), ("alive", 5)]
    assert not process.fibers


def test_a_process_that_kills_itself_does_not_come_back_from_it():
    diary = Diary()
    process = diary.process()

    def body():
        diary.world.kill(process)
        diary.lines.append("still here")

    diary.world.spawn(body, process)
    diary.world.run()
    assert diary.lines == []


def test_a_wait_ends_by_being_woken_or_by_its_time_whichever_comes_first():
    diary = Diary()
    world, ends = diary.world, []

    def waits():
        world.at(1, None, world.wake, world.waiter(), "news")
        ends.append((world.park(5), world.now))
        ends.append((world.park(5), world.now))

    world.spawn(waits, None)
    world.run()
    assert ends == [("news", 1), (None, 6)]


def test_a_wait_that_is_over_is_not_ended_again():
    diary = Diary()
    world, ends = diary.world, []

    def waits():
        late = world.waiter()
        world.park(1)
        world.wake(late, "too late")
        ends.append(world.park(3))

    world.spawn(waits, None)
    world.run()
    assert ends == [None]


def test_what_falls_on_one_instant_runs_in_an_order_that_only_the_seed_decides():
    def order(seed):
        world, seen = World(seed), []
        for number in range(20):
            world.at(1, None, seen.append, number)
        world.run()
        return seen

    assert order(1) == order(1)
    assert order(1) != order(2)
    assert sorted(order(1)) == list(range(20))
