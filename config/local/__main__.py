"""`python -m config.local`, which `make run` calls."""

import sys

from config.local.supervisor import run

if __name__ == "__main__":
    sys.exit(run())
