"""A command's flags; a wrong one is told in one line, as every other error is."""

import argparse
from typing import NoReturn


class FlagParser(argparse.ArgumentParser):
    """Takes no shortened flags: a flag to come must not change what a script's short form means."""

    def __init__(self, *, prog: str, description: str, epilog: str) -> None:
        super().__init__(prog=prog, description=description, epilog=epilog, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """End the process with 2."""
        self.exit(2, f"{self.prog}: {message}; --help shows the flags\n")
