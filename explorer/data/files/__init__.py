"""Files: list and open them, and read them into arrays, whatever their images mean."""
