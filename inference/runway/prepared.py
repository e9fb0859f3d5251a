"""A request made ready to be paid for: everything that can be decided without the network."""

import base64
from dataclasses import dataclass, field
from hashlib import sha256

from inference.backend import Request
from inference.errors import TryLater
from inference.runway.journal import Order
from inference.runway.models import (
    WAN_PROVIDER,
    Choice,
    Model,
    choice_for,
    length_for,
    ratio_for,
)
from inference.runway.picture import Picture, picture_of
from inference.runway.prompt import prompt_for
from inference.runway.settings import RunwaySettings, default_model

INLINE_BYTES = 3_300_000
"""Runway takes a picture file this large inside a request; written there, it may have 5 MB."""

_SEEDS = 2**32
"""Runway's seeds have 32 bits."""


@dataclass(frozen=True)
class Prepared:
    """What `infer` needs. `notes`: what the task's owner would not expect, one sentence each."""

    request: Request
    choice: Choice
    picture: Picture
    prompt: str
    length_s: int
    ratio: str
    notes: tuple[str, ...]
    order: Order = field(repr=False)

    def body(self, picture_uri: str, seed_offset: int) -> dict[str, object]:
        """The create's JSON."""
        return {
            "model": self.choice.model.sent,
            "promptImage": picture_uri,
            "promptText": self.prompt,
            "duration": self.length_s,
            "ratio": self.ratio,
            "seed": (self.request.seed + seed_offset) % _SEEDS,
        }


def prepare(request: Request, settings: RunwaySettings) -> Prepared:
    """Choose model, length, size and prompt, and read the photo. Raises `RequestRefused`.

    Raises `TryLater` for a task that is no Runway task: it is left for its own kind of worker.
    """
    if not request.lease_id:
        raise ValueError("a paid task needs the lease that it is made under: Request.lease_id")
    if request.provider == WAN_PROVIDER:
        raise TryLater(f"the task is for a GPU worker ({WAN_PROVIDER})")
    choice = choice_for(request.provider, default_model(settings))
    picture = picture_of(request.photo)
    prompt, cut = prompt_for(request.prompt)
    length_s = length_for(request.frame_num, choice.model)
    ratio = ratio_for(picture.width, picture.height, choice.model, settings.ratio)
    return Prepared(
        request=request,
        choice=choice,
        picture=picture,
        prompt=prompt,
        length_s=length_s,
        ratio=ratio,
        notes=tuple(note for note in (choice.note, cut) if note is not None),
        order=Order(
            item_id=request.item_id,
            lease_id=request.lease_id,
            fingerprint=_fingerprint(choice.model, picture, prompt, f"{length_s} {ratio}"),
            model=choice.model.sent,
            usd=choice.model.price_usd(length_s),
        ),
    )


def data_uri(picture: Picture) -> str | None:
    """The picture as a data URI, or None where that is more than Runway takes."""
    if len(picture.data) > INLINE_BYTES:
        return None
    return f"data:{picture.media_type};base64,{base64.b64encode(picture.data).decode('ascii')}"


def _fingerprint(model: Model, picture: Picture, *parts: str) -> str:
    digest = sha256(picture.data)
    for part in (model.sent, *parts):
        digest.update(b"\0" + part.encode())
    return digest.hexdigest()
