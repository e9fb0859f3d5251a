"""What follows when nothing was created. Data, and the sentences that people read."""

from dataclasses import dataclass
from types import MappingProxyType

from inference.runway.answers import Fault, TaskView, Why, fault_of


@dataclass(frozen=True)
class Remedy:
    """`again`: asked again within the lease. `pause_s`: no new tasks on this host for so long."""

    again: bool = False
    pause_s: float = 0.0
    advice: str = ""


REMEDIES = MappingProxyType(
    {
        Why.BUSY: Remedy(again=True, pause_s=60),
        Why.OFFLINE: Remedy(again=True, pause_s=60),
        Why.QUOTA: Remedy(pause_s=3600),
        Why.CREDIT: Remedy(pause_s=600, advice="buy credits at https://dev.runwayml.com"),
        Why.KEY: Remedy(pause_s=300, advice="check RUNWAY_API_KEY"),
        Why.SETTINGS: Remedy(pause_s=600, advice="check the runway_… settings"),
        Why.MODEL: Remedy(pause_s=600, advice="set runway_model to another"),
        # Shorter than a lease: an item that alone is refused must not be the next one again.
        Why.UNNAMED: Remedy(pause_s=60, advice="the log of Runway's portal may say more"),
        Why.INPUT: Remedy(),
    }
)
"""A row for each reason. Where `again` is not enough, the pause follows."""

UNKNOWN_PAUSE_S = 60.0
"""After a create of unknown outcome: what swallowed one answer may swallow the next."""

OUTAGE_PAUSE_S = 300.0
"""After failures of several items in a row: each task meanwhile would only wait to fail, too."""

_CONTENT = "the video service refused the {what} for its content rules"


def refusal_sentence(view: TaskView) -> str:
    """Why a failed task can never succeed, for whoever sent the photo. Only for `Fault.INPUT`."""
    if fault_of(view.code) is not Fault.INPUT:
        raise ValueError(f"{view.code} is not the input's fault")
    if view.code.startswith("ASSET"):
        return _with_code(
            f"the video service cannot use the photo: {view.text or 'no reason'}", view
        )
    what = "photo or its text"
    if ".OUTPUT" in view.code:
        what = "video that came out"
    elif view.code.endswith(".TEXT"):
        what = "text"
    elif view.code.endswith(".IMAGE"):
        what = "photo"
    return _with_code(_CONTENT.format(what=what), view)


def _with_code(sentence: str, view: TaskView) -> str:
    return f"{sentence} (Runway: {view.code})"
