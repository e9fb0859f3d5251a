"""A child, put together from its settings."""

import pytest

from pool.child.assembly import assembled
from pool.child.news import Inbox
from pool.messages import Start
from pool.settings import Settings
from pool.settings.for_child import for_child
from tests.fakes.running_pool import QUICK_BACKEND


class NoOutbox:
    def send(self, message):
        raise AssertionError(f"nothing is sent before the child runs, but {message}")


@pytest.mark.parametrize(
    ("given", "step_floor_s"),
    [
        ({"worker_type": "runway", "runway_api_key": "k"}, 300),
        ({"backend": QUICK_BACKEND, "device": "cpu"}, 30),
    ],
)
def test_only_a_backend_that_computes_here_is_held_to_what_its_steps_took(
    given, step_floor_s, tmp_path
):
    required = {"vercel_api_url": "https://a.example", "worker_token": "k", "state_dir": tmp_path}
    settings = for_child(Settings.model_validate({**required, **given}))
    start = Start(
        settings_json=settings.to_json(),
        slot="cpu0",
        worker_id="rig-cpu0-1",
        work_dir=str(tmp_path),
        incarnation=1,
        device_uuid=None,
        key_accepted=False,
    )
    parts = assembled(start, settings, Inbox(), NoOutbox(), lambda: 0.0)
    assert parts.means.rules.limits.stages["step_floor"] == step_floor_s
    assert parts.means.rules.limits.stages["infer"] == 300
