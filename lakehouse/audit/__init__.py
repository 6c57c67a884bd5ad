"""The leakage audit: what a release knew of the future, asked in several independent ways."""
