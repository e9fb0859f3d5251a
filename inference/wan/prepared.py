"""A request made ready for the device: the CPU's part of the work, done on any thread."""

from dataclasses import dataclass

from PIL import Image

from inference.backend import Request
from inference.canvas import WIDEST, canvas_for, is_cropped_hard
from inference.photo import fill, read_photo
from inference.wan.family import Family
from inference.wan.frames import length_for
from inference.wan.settings import Recipe, WanSettings


@dataclass(frozen=True, eq=False)
class Prepared:
    """What `infer` needs. `image` has exactly `width` x `height` pixels, RGB, without metadata.

    `notes`: what the task's owner would not expect, one sentence each.
    """

    item_id: str
    image: Image.Image
    width: int
    height: int
    frames: int
    prompt: str
    seed: int
    notes: tuple[str, ...]


def prepare(request: Request, settings: WanSettings, recipe: Recipe, family: Family) -> Prepared:
    """Decide length and size, read the photo and fill the frame with it.

    Raises `RequestRefused`, of which `PhotoUnreadable` is one.
    """
    length = length_for(
        request.frame_num, default=recipe.frames, policy=settings.frame_policy, fps=recipe.fps
    )
    longest_side = canvas_for(3, 1, area=recipe.area, multiple=family.multiple).width
    photo = read_photo(request.photo, enough=longest_side)
    canvas = canvas_for(*photo.size, area=recipe.area, multiple=family.multiple)
    return Prepared(
        item_id=request.item_id,
        image=fill(photo, canvas),
        width=canvas.width,
        height=canvas.height,
        frames=length.frames,
        prompt=clean_prompt(request.prompt, settings.default_prompt),
        seed=request.seed,
        notes=_notes(photo, length.note),
    )


def blank(longer: int, settings: WanSettings, recipe: Recipe, family: Family) -> Prepared:
    """The usual request, for a grey photo of the usual shape.

    `longer`: how many chunks of four frames are added to its length.
    """
    canvas = canvas_for(4, 3, area=recipe.area, multiple=family.multiple)
    return Prepared(
        item_id="warm-up",
        image=Image.new("RGB", (canvas.width, canvas.height), "grey"),
        width=canvas.width,
        height=canvas.height,
        frames=recipe.frames + 4 * longer,
        prompt=settings.default_prompt,
        seed=0,
        notes=(),
    )


def clean_prompt(prompt: str, default: str) -> str:
    """The prompt as text that any tokenizer takes; `default` for an empty one. Pure.

    Lone surrogates, which JSON can carry and UTF-8 cannot, become question marks.
    """
    return prompt.encode("utf-8", "replace").decode("utf-8").strip() or default


def _notes(photo: Image.Image, about_length: str | None) -> tuple[str, ...]:
    notes = [] if about_length is None else [about_length]
    if is_cropped_hard(*photo.size):
        notes.append(f"the photo is longer than {WIDEST:g}:1; only its middle is shown")
    return tuple(notes)
