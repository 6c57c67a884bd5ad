"""Store, what an engine can do with tables, and its two forms: embedded and spark."""
