"""Tables about releases, training sets and erasures; a file per table."""
