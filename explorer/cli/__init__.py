"""What the commands do with their arguments."""
