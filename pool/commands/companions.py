"""The companions that these settings ask for: the status page and the alerts."""

import contextlib
from collections.abc import Iterator, Mapping

from pool.alerts.orders import Orders
from pool.settings.schema import Settings
from pool.supervisor.companion import Companion, CompanionLaunch

_LAST_WORDS_S = 2.0
"""At the pool's end the alerts may still say why; the page goes at once."""


@contextlib.contextmanager
def companions(settings: Settings, environ: Mapping[str, str]) -> Iterator[tuple[Companion, ...]]:
    """The companions, not yet started; they are ended at the block's end."""
    wanted = tuple(Companion.of(launch) for launch in _launches(settings, environ))
    try:
        yield wanted
    finally:
        for companion in wanted:
            companion.close(_LAST_WORDS_S)


def _launches(settings: Settings, environ: Mapping[str, str]) -> Iterator[CompanionLaunch]:
    if settings.http is not None:
        page = ("-m", "pool.web.main", str(settings.state_dir), settings.http)
        yield CompanionLaunch("the status page", page, environ, settings.log_dir / "web.out")
    orders = Orders.of(settings)
    if orders is not None:
        output = settings.log_dir / "alerts.out"
        alerts = ("-m", "pool.alerts.main")
        yield CompanionLaunch("the alerting", alerts, environ, output, orders.line())
