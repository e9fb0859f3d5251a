"""A storm in lines of text."""

import os
from collections import Counter
from collections.abc import Iterator

from tests.chaos.storm.run import Progress, Result
from tests.chaos.storm.schedule import Storm

_SHOWN = 20


def head(storm: Storm) -> str:
    """What is about to happen, the seed first."""
    crowd = f"{storm.pools} pools x {storm.children} children, {storm.tasks} tasks"
    return (
        f"seed {storm.seed}: {crowd}, {storm.length_s:.0f} s, a trouble every {storm.every_s:g} s"
    )


def command(storm: Storm) -> str:
    """The command that draws the same schedule again, to the last digit."""
    only = "".join(f" --only '{kind}'" for kind in storm.only)
    return (
        f"bin/chaos --minutes {storm.length_s / 60!r} --seed {storm.seed} --pools {storm.pools} "
        f"--children {storm.children} --tasks {storm.tasks} --every {storm.every_s!r}{only}"
    )


def progress_line(progress: Progress) -> str:
    """How far it is."""
    minutes, seconds = divmod(int(progress.at_s), 60)
    return (
        f"{minutes}:{seconds:02d}  {progress.completed} completed, {progress.failed} failed, "
        f"{progress.open} open; {progress.troubles} troubles; {progress.children} children"
    )


def verdict_lines(result: Result) -> Iterator[str]:
    """What came of it."""
    judgement = result.judgement
    counts = judgement.counts
    yield f"troubles     {result.troubles.total()}: {_listed(result.troubles)}"
    if result.missed:
        yield f"             {result.missed} more found nobody to hit"
    yield f"pools        {result.starts} starts; ended: {_listed(result.ends)}"
    yield (
        f"tasks        {counts.items}: {counts.completed} completed, {counts.failed} failed, "
        f"{counts.pending} never ended"
    )
    for reason, times in Counter(judgement.reasons).most_common():
        yield f"             failed {times}x: {reason}"
    yield f"leases       {counts.leases}, of which {counts.lost} lost"
    again, inferences = counts.duplicated_inferences, judgement.inferences
    yield f"inferences   {inferences}: {_share(again, inferences)} beyond an item's first"
    extra = max(0, judgement.videos - counts.videos)
    yield f"videos made  {judgement.videos}: {_share(extra, judgement.videos)} too many"
    yield (
        f"left behind  {judgement.orphans} processes, {judgement.locks} held locks, "
        f"{judgement.files} temporary files, {judgement.secrets} secrets"
    )
    yield f"broken       {len(judgement.broken)}"
    yield from (f"  {sentence}" for sentence in judgement.broken[:_SHOWN])
    if judgement.broken:
        yield f"everything that was written lies in {result.folder}{os.sep}"
        yield f"again: {command(result.storm)}"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{times} {name}" for name, times in counts.most_common()) or "none"


def _share(part: int, whole: int) -> str:
    return f"{part} ({100 * part / whole:.1f} %)" if whole else str(part)
