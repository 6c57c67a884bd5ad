"""The only place that knows sessions, Delta and disk."""

import os

# Read by the allocators of Sail, delta-rs and Arrow when they load: memory that one of them has
# freed goes back to the machine at once, for the others. It halves the peak of a full build.
os.environ.setdefault("MIMALLOC_PURGE_DELAY", "0")
