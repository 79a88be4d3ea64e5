"""Training: the only package that imports TensorFlow and Keras."""
