"""`bin/demo`: three photos become three videos, the whole real way, on this machine.

One process, one thread; the server and the pool are processes of their own.
"""

import contextlib
import json
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import NoReturn

from rich.console import Console

from demo.admin_api import AdminApi
from demo.errors import DemoFailed
from demo.flags import Flags, parsed
from demo.folder import DemoFolder, claimed
from demo.maker import ready
from demo.moment import Moment, look
from demo.orders import Order, place
from demo.outcome import print_results, results
from demo.process import Process
from demo.services import start_pool, start_server
from demo.view import shown_on

_LOOK_EVERY_S = 0.25
_INTERRUPTED = 130


def main(arguments: Sequence[str]) -> int:
    """Run the demonstration; its exit code."""
    flags = parsed(arguments)
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        with claimed(flags.data) as folder:
            return _play(flags, folder, console)
    except DemoFailed as error:
        return _fail(str(error))
    except OSError as error:
        where = error.filename or flags.data
        return _fail(f"{where}: {error.strerror}; make room, or name another folder: --data DIR")
    except KeyboardInterrupt:
        return _INTERRUPTED


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _fail(sentence: str) -> int:
    sys.stderr.write(f"demo: {sentence}\n")
    return 1


def _play(flags: Flags, folder: DemoFolder, console: Console) -> int:
    """The story. Raises `DemoFailed`, OSError and KeyboardInterrupt."""
    console.print(f"files   {folder.path}")
    with contextlib.ExitStack() as up:
        maker = up.enter_context(ready(flags, folder))
        server, url = start_server(folder, flags.port)
        up.enter_context(server)
        keys = json.loads((folder.server / "keys.json").read_text())
        api = AdminApi(url, keys["admin_api_key"])
        orders = place(api, maker.provider)
        console.print(f"server  {url}, three photos and three tasks are in it")
        console.print(f"pool    {maker.words}")
        console.print()
        environment = {"WORKER_API_KEY": keys["worker_api_key"], **maker.keys}
        pool = start_pool(folder, url, environment, maker.settings)
        processes = (server, *maker.helpers, up.enter_context(pool))
        up.enter_context(_drained(pool, console))
        last = _watch(api, orders, folder, processes, console)
        found = results(last.tasks, api, folder)
        print_results(found, console)
        if maker.remark:
            console.print(f"\n{maker.remark}")
        if not flags.leave:
            _stay_up(folder, url, processes, console)
    return 0 if all(result.why_not is None for result in found) else 1


def _watch(
    api: AdminApi,
    orders: Sequence[Order],
    folder: DemoFolder,
    processes: Sequence[Process],
    console: Console,
) -> Moment:
    """Show how things stand until every task is over; the last moment."""
    with shown_on(console) as show:
        while True:
            moment = look(api, orders, folder)
            show(moment)
            if moment.over:
                return moment
            for process in processes:
                process.check()
            time.sleep(_LOOK_EVERY_S)


def _stay_up(folder: DemoFolder, url: str, processes: Sequence[Process], console: Console) -> None:
    """Leave everything up until Ctrl-C."""
    console.print()
    console.print("Server and pool are still up; Ctrl-C ends both. To look around:")
    console.print(f"  bin/pool-status --state-dir {folder.state}")
    console.print(f"  {url}/docs describes the server's API")
    console.print(f"  {folder.server / 'keys.json'} holds its keys")
    console.print(f"  {folder.logs} holds what each process says")
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            for process in processes:
                process.check()
            time.sleep(_LOOK_EVERY_S)


@contextlib.contextmanager
def _drained(pool: Process, console: Console) -> Iterator[None]:
    """Have the pool finish what is in work at the end, or stop at once when asked again."""
    try:
        yield
    finally:
        pool.ask_to_end()
        pool.wait(within_s=1.0)
        if pool.code is None:
            console.print("The pool finishes what is in work; Ctrl-C again stops it now.")
        with contextlib.suppress(KeyboardInterrupt):
            pool.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
