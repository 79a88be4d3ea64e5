"""Sources: images that are looked through and decoded in order, on all cores, and kept."""
