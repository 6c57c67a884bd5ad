"""The portfolio: vintage curves, roll rates, cures, label maturity, and a default definition to propose."""
