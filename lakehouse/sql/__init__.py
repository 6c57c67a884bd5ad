"""Questions in SQL: every table of a query is read at a release, whichever engine answers."""
