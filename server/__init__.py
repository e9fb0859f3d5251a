"""A small self-hosted Worker API: the same contract as the hosted one, with atomic leases."""
