"""The Worker API and the presigned storage, in the domain's verbs.

This package knows nothing of processes, of leases' rules or of inference. One call here is one
attempt under one total deadline; what to do with its outcome is decided by `pool.lease`.
"""
