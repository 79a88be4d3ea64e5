"""Files: listed, opened and read into arrays, whatever the images in them mean."""
