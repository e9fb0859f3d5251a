"""The benchmark of the pool still measures: seconds of it, on tasks that are over in a moment."""

import json

import pytest

from tests.benchmarks.pool_device import Span
from tests.benchmarks.pool_field import NO_LATENCY
from tests.benchmarks.pool_figures import Window, busy_share, slope, videos_per_hour
from tests.benchmarks.pool_measure import Load, throughput
from tests.benchmarks.pool_page import BEGIN, CHART, END, FIGURES, Report, write

WINDOW = Window(100.0, 110.0)


@pytest.mark.parametrize(
    ("span", "share"),
    [
        (Span(1, "i", 5.0, 101.0, 106.0), 0.5),
        (Span(1, "i", 5.0, 101.0, 108.0), 0.5),
        (Span(1, "i", 5.0, 98.0, 103.0), 0.3),
        (Span(1, "i", 5.0, 107.0, None), 0.3),
        (Span(1, "i", 5.0, 107.0, 107.5), 0.05),
        (Span(1, "i", 5.0, 90.0, 95.0), 0.0),
    ],
)
def test_a_device_is_busy_for_as_long_as_it_was_asked_to_compute(span, share):
    assert busy_share([span], WINDOW, devices=1) == pytest.approx(share)


def test_an_item_that_two_devices_made_is_one_video():
    twice = [Span(1, "a", 5.0, 101.0, 106.0), Span(2, "a", 5.0, 102.0, 107.0)]
    half = Span(1, "b", 5.0, 107.5, None)
    assert videos_per_hour([*twice, half], WINDOW) == pytest.approx(1.5 * 360)


def test_the_slope_of_a_straight_line_is_exact():
    line = slope([(1.0, 3.0), (2.0, 5.0), (3.0, 7.0)])
    assert (line.rise, line.error) == pytest.approx((2.0, 0.0))


@pytest.mark.parametrize("way", ["overlap", "serial loop"])
def test_a_way_of_working_is_measured_and_shown(tmp_path, way):
    found = throughput(way, Load(1, task_s=0.3, window_s=1.5), NO_LATENCY, tmp_path / "run")
    assert 0 < found.busy_share <= 1
    assert found.requests_per_s > 0
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "performance.md").write_text(f"# Performance\n\n{BEGIN}\nold\n{END}\n\n## Others\n")
    write(Report("a host", "a day", NO_LATENCY, (found,)), docs)
    page = (docs / "performance.md").read_text()
    assert "old" not in page
    assert page.endswith("## Others\n")
    assert f"{found.busy_share:.1%}" in page
    assert json.loads((docs / FIGURES).read_text())["throughputs"][0]["way"] == way
    assert "<svg" in (docs / CHART).read_text()
