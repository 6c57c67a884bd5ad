"""Raw rows as they were delivered; one file per table."""
