"""Training sets: selection, point-in-time join, receipts, spines, lookups, content hash."""
