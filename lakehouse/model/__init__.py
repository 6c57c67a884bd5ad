"""The sanity check: do the features say what they should, and no more, about later applications?"""
