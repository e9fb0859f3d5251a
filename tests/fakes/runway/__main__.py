"""`python -m tests.fakes.runway [--port 0] [--url-file FILE]`: the fake Runway by itself."""

import argparse
import threading
from pathlib import Path

from tests.fakes.runway.server import KEY, FakeRunway


def main() -> None:
    """Say where, and serve until killed. Videos have the size and length that was asked for."""
    parser = argparse.ArgumentParser(prog="runway", description="A Runway that costs nothing.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--url-file", type=Path, help="written once it listens")
    parser.add_argument("--key", default=KEY, help="the key that it accepts")
    given = parser.parse_args()
    with FakeRunway(port=given.port, key=given.key, film_size=None, film_s=None) as runway:
        if given.url_file is not None:
            given.url_file.write_text(runway.url)
        print(f"serving {runway.url}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
