"""The command line of the lakehouse: `python main.py --help`."""

from lakehouse.__main__ import program

if __name__ == "__main__":
    program()
