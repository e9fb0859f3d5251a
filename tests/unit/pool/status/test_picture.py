"""The table as a picture: docs/images/pool-status.svg was made so.

POOL_SCREENSHOTS names a folder to keep it in.
"""

import io
import os
import re
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from pool.status.host import Host
from pool.status.status_file import Found
from pool.status.table import Paper, screen
from pool.status.totals import Totals
from tests.unit.pool.status.sample import CURRENT, DEVICE, GIB, GPU, slot, status

WIDTH = 118
FONTS = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)
LATELY = Totals(
    window_s=3600.0,
    videos=184,
    failed=1,
    lost=0,
    videos_per_hour=184.0,
    worked_share=0.84,
    queue_empty_s=None,
    key_refused_s=None,
    poll_failures=0,
)
MACHINE = Host(
    cores=64,
    load=11.2,
    memory_used_bytes=96 * GIB,
    memory_total_bytes=512 * GIB,
    disk_free_bytes=410 * 10**9,
)


def card(number, state="busy", **more):
    known = {"device": DEVICE.model_copy(update={"index": number}), "restarts": 0, "gpu": GPU}
    current = None
    if state == "busy":
        progress, item = 0.13 + 0.1 * number, f"{0x0B8F0C9E + 97_531 * number:08x}"
        current = CURRENT.model_copy(
            update={"item_id": item, "progress": progress, "eta_s": 95 * (1 - progress)}
        )
    return slot(f"gpu{number}", state, current=current, **{**known, **more})


def cards():
    idle = GPU.model_copy(update={"utilization_percent": 0, "power_w": 118.0, "temperature_c": 41})
    sick = "Xid 48: double-bit memory error; reset the GPU or give the machine back"
    yield from (card(number) for number in range(5))
    yield card(5, "quarantined", gpu=idle, reason=sick)
    yield card(6)
    yield card(7, "backoff", restarts=1, reason="killed by SIGKILL; starting again in 4 s")


def test_the_table_can_be_kept_as_a_picture_that_needs_no_font_from_elsewhere(tmp_path):
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print("$ bin/pool-status", style="dim")
    console.print(screen(Found(status(*cards()), 0.5), Paper(WIDTH), LATELY, MACHINE))
    form = FONTS.sub("", CONSOLE_SVG_FORMAT).replace("Fira Code", "ui-monospace, Menlo, Consolas")
    svg = console.export_svg(title="pool-status", code_format=form, unique_id="pool")
    target = Path(os.environ.get("POOL_SCREENSHOTS") or tmp_path) / "pool-status.svg"
    target.write_text(svg)
    assert "quarantined" in svg
    assert "@font-face" not in svg
