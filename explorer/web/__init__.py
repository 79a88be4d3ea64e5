"""What a browser gets: the code of the page's parts, models as bytes, and single-file pages."""
