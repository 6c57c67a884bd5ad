"""Where files are: places, paths, locks, folders, the Delta log, leases."""
