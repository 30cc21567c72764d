"""The embedded networks trained again: their scenes, the training, what other seeds measured."""
