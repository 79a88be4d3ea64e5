"""``python -m explorer.verify``, the earlier spelling of ``python -m explorer verify``."""

from explorer.cli.terminal import exit_with
from explorer.cli.verify import main

if __name__ == "__main__":
    exit_with(main)
