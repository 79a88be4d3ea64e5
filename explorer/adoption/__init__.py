"""Bring an encoder and a decoder from elsewhere, and make a bundle of them."""
