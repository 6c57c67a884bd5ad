"""The sanity check: a model on early applications shows what the features predict about later ones."""
