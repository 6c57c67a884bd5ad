"""A raw file becomes accepted, quarantined or equal rows."""
