"""Raw rows as they were delivered; a file per table."""
