"""Runs: plan, ingestion of raw files, refresh of derived tables, repair."""
