"""``python -m explorer.pictures``, the earlier spelling of ``python -m explorer pictures``."""

from explorer.cli.pictures import main
from explorer.cli.terminal import exit_with

if __name__ == "__main__":
    exit_with(main)
