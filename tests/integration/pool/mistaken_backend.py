"""A backend that always computes on one and the same card, whichever it was given."""

from tests.fakes.nvml import cards
from tests.fakes.quick_backend import QuickBackend


class MistakenBackend(QuickBackend):
    def device_uuid(self):
        return cards(2)[1].uuid
