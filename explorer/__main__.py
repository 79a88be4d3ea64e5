"""``python -m explorer`` lists the commands; ``python -m explorer NAME`` runs one."""

from __future__ import annotations

import importlib
import sys

from explorer.cli.terminal import exit_with

COMMANDS = {
    "app": "show the page in a browser",
    "bound": "estimate −log p(x) of the test images by importance sampling",
    "adopt": "make a bundle of any encoder and decoder",
    "convert": "convert bundles of an earlier version to the present one",
    "data": "fetch or inspect a data set, and say how it is read",
    "page": "write models as a single-file page, to open offline",
    "pictures": "write the pictures of a model as files",
    "train": "train models; needs pip install '.[train]'",
    "verify": "recompute every figure of a bundle's card",
}


def main() -> int:
    """Run the command that the first argument names, with the arguments after it."""
    name, *arguments = sys.argv[1:] or ["--help"]
    if name not in COMMANDS:
        asked = name in ("-h", "--help")
        if not asked:
            print(f"there is no command {name!r}; choose one of these", file=sys.stderr)
        print("usage: python -m explorer COMMAND …   (--help after it explains one)\n")
        for command, line in COMMANDS.items():
            print(f"  {command:<10} {line}")
        return 0 if asked else 2
    sys.argv = [f"python -m explorer {name}", *arguments]
    status: int = importlib.import_module(f"explorer.cli.{name}").main()
    return status


if __name__ == "__main__":
    exit_with(main)
