"""The embedded networks: their architectures and their trained weights."""
