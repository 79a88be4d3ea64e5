"""Show the page in a browser; further arguments are those of ``streamlit run``.

python -m explorer app --server.port 8080
"""

from __future__ import annotations

import subprocess
import sys

from explorer.root import ROOT


def main() -> int:
    """Run the command line."""
    if sys.argv[1:] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), *sys.argv[1:]]
    return subprocess.call(command)
