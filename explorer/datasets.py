"""``python -m explorer.datasets``, the earlier spelling of ``python -m explorer data``."""

from explorer.cli.data import main
from explorer.cli.terminal import exit_with

if __name__ == "__main__":
    exit_with(main)
