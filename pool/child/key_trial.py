"""Shows the Worker API the key without taking a task."""

import contextlib
import uuid
from collections.abc import Callable

from client.errors import NoSuchLease, NotYours


def try_key(renew: Callable[[str, str, int], object], worker_id: str) -> None:
    """Ask to renew the lease of an item that cannot exist. `renew` is the Worker API's call.

    A server that knows the key answers 404 to that, one that does not, 401. Raises `Unauthorized`,
    and any other `ClientError` where nothing was learnt.
    """
    with contextlib.suppress(NoSuchLease, NotYours):
        renew(str(uuid.uuid4()), worker_id, 1)
