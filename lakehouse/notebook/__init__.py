"""Notebooks: `%load_ext lakehouse` gives them `%sql` and `%%sql`, with completion."""
