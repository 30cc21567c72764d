"""What is computed from features, maps and answers: arrays in, numbers out."""
