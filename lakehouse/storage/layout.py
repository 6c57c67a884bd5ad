"""Names of the files and folders that a datamart has besides the rows of its tables."""

# The log of a table, in the folder of that table.
LOG_FOLDER = "_delta_log"
# Files for locks, and the file that names the writing process.
RUNS, WRITER, RECEIPTS = ".lock", ".writer", ".receipts.lock"
# Locks of an object store.
LEASES = "_leases"
# Files of jobs that are under way, and of an erasure that is decided and not yet done.
WORK, ERASURE = "_work", "erasure"
# The folder in which executors of a cluster find landed files; it exists only during a run.
LANDED = f"{WORK}/landed"
# Copies of the ledger's rows.
LEDGER_COPIES = "_ledger"
# Tables that a repair or a restore set aside.
DAMAGED = "_damaged"
