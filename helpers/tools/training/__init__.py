"""The weights that come with the package made again: scenes, pictures, the training, what other seeds measured."""
