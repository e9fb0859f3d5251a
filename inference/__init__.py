"""Ways of making a video out of a photo: one backend per way.

This package knows nothing of leases, queues or processes; the pool's child calls a backend
through the protocol in `inference.backend`.
"""
