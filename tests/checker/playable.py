"""Whether bytes are a video that a family can play."""

import io

import av


def why_not_playable(data: bytes) -> str | None:
    """Why not, in a few words; None when every frame that the file declares can be decoded."""
    if not data:
        return "it is empty"
    try:
        with av.open(io.BytesIO(data), mode="r") as container:
            if not container.streams.video:
                return "it has no video stream"
            stream = container.streams.video[0]
            decoded = sum(1 for _ in container.decode(stream))
            declared = stream.frames
    except (av.FFmpegError, ValueError) as error:
        return f"it cannot be decoded ({type(error).__name__})"
    if decoded == 0 or decoded < declared:
        return f"{decoded} of its {declared} frames can be decoded"
    return None
