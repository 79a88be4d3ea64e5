"""A run of ``train.py`` that dies as by a power cut, for tests of what is left."""

DIE_IN_EPOCH_2 = """
import os, signal, sys
import train
from explorer.training.progress import Progress

original = Progress.advance

def advance(self, count, terms):
    if self.epoch == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    original(self, count, terms)

Progress.advance = advance
sys.exit(train.main())
"""
