"""Where files are: places, paths, locks, folders, Delta logs, leases."""
