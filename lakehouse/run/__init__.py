"""A run: what is pending, what comes in, what is computed again."""
