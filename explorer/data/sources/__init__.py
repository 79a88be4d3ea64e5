"""Sources: inspect images, decode them in order on all cores, and cache them."""
