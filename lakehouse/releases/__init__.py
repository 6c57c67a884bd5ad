"""Commits, releases and the state of a datamart: publishing, reading and comparing them."""
