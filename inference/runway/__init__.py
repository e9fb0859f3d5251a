"""Videos made by the paid Runway API. Light: needs requests and pydantic, never torch.

Money is what this package is careful with. Read `attempts` first (when a paid call may be made),
then `journal` (how that survives a crash), then `errand` (who asks whom).
"""
