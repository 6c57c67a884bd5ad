"""Features and labels; one file per table."""
