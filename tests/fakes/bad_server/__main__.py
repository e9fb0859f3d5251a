"""`python -m tests.fakes.bad_server --port 0 --log FILE --control FILE`."""

import argparse
from pathlib import Path

from tests.fakes.bad_server.remote import serve
from tests.fakes.bad_server.server import KEY, Setup


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(prog="bad_server", description="A Worker API, bug for bug.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, required=True, help="requests, one JSON object a line")
    parser.add_argument("--control", type=Path, required=True, help="written once it listens")
    parser.add_argument("--videos", type=Path, help="a folder that gets a copy of each video")
    parser.add_argument("--key", default=KEY, help="the worker key that it accepts")
    given = parser.parse_args()
    setup = Setup(key=given.key, port=given.port, log=given.log, videos=given.videos)
    serve(setup, given.control)


if __name__ == "__main__":
    main()
