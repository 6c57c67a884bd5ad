"""The leakage audit: several independent checks that a release knew nothing of the future."""
