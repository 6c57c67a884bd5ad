"""Tables about releases, training sets and erasures; one file per table."""
