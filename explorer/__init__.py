"""Train variational autoencoders on images and explore their latent space."""
