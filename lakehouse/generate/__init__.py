"""Synthetic raw files with the names, columns, formats, dirt and shares of the shipped bank; nobody's data.

A borrower belongs to one of six hidden classes, from sound to strained. The class sets the ranges
of the finances; the clean finances set the odds of default. Dirt comes on top. The clickstream is
noise: it knows nothing about who defaults.

The same arguments give the same bytes on every machine. Randomness comes out of PCG64 as uniform
numbers, and arithmetic is element by element: no BLAS, thread or hash order has a say.
Memory is bounded by `cells.CHUNK` rows of text and some 60 bytes per customer.
"""

from lakehouse.generate.bank import generate
from lakehouse.generate.inbox import Inbox

__all__ = ["Inbox", "generate"]
