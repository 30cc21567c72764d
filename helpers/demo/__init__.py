"""The embedded networks: their architectures, training scenes, training and weights."""
