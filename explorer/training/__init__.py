"""Training: the only room with TensorFlow and Keras."""
