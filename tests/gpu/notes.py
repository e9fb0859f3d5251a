"""What a child of these tests leaves behind for them, in the folder that it works in."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Note:
    """What torch showed a child of its device as it loaded: its UUID, and the memory then free."""

    uuid: str
    free_bytes: int


def leave(note: Note, pid: int) -> None:
    """Leave the note of child `pid` in the working folder."""
    (draft := Path(f"draft-of-{pid}")).write_text(json.dumps(asdict(note)))
    draft.replace(f"note-of-{pid}.json")


def note_of(folder: Path, pid: int) -> Note:
    """The note of child `pid` of the pool in `folder`."""
    return Note(**json.loads((folder / f"note-of-{pid}.json").read_text()))


def notes_in(folder: Path) -> list[str]:
    """The names of all notes that were left there."""
    return [path.name for path in folder.glob("note-of-*.json")]
