"""Storage of a datamart: places, paths, locks, folders, Delta logs, leases."""
