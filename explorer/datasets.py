"""``python -m explorer.datasets``, the earlier spelling of ``python -m explorer data``."""

import sys

from explorer.cli.data import main
from explorer.cli.terminal import exit_with

if __name__ == "__main__":
    sys.argv[0] = "python -m explorer.datasets"
    exit_with(main)
