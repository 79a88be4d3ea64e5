"""Image sets: from files to arrays of pixels."""
