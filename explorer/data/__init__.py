"""Image sets: turn files into arrays of pixels, labels and columns."""
