"""Features and labels; a file per table."""
