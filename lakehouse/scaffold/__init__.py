"""Scaffolds: a bank, a source, a table or a feature, written as files that run and pass their own test."""
