"""What the alerting process is told at its start, as one line of JSON on its stdin."""

from typing import Self

from pydantic import BaseModel, ConfigDict

from pool.settings.schema import Settings


class Orders(BaseModel):
    """Whom to tell, and when. It holds secrets and goes nowhere but through the pipe."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    state_dir: str
    webhook_url: str | None
    idle_s: float
    ping_url: str | None
    ping_interval_s: float

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """The orders that these settings give; None where nobody is to be told."""
        webhook, ping = settings.alert_webhook_url, settings.ping_url
        if webhook is None and ping is None:
            return None
        return cls(
            state_dir=str(settings.state_dir),
            webhook_url=webhook.get_secret_value() if webhook else None,
            idle_s=settings.alert_idle_minutes * 60,
            ping_url=ping.get_secret_value() if ping else None,
            ping_interval_s=settings.ping_interval,
        )

    def line(self) -> bytes:
        """The orders as one line."""
        return self.model_dump_json().encode() + b"\n"
