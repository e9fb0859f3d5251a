"""The commands behind bin/start-pool and bin/pool-status: flags in, exit codes out."""
