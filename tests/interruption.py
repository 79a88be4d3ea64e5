"""A run of ``train.py`` that a signal ends, for tests of what it leaves behind."""

from __future__ import annotations

import signal


def end_in_epoch_2(by: signal.Signals) -> str:
    """Return Python code of a run that gets a signal after the steps of its second epoch."""
    return f"""
import os
import train
from explorer.cli.terminal import exit_with, loading_tensorflow

with loading_tensorflow():
    from explorer.training.progress import Progress

original = Progress.advance

def advance(self, count, terms):
    if self.epoch == 1:
        os.kill(os.getpid(), {by:d})
    original(self, count, terms)

Progress.advance = advance
exit_with(train.main)
"""
