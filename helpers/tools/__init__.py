"""What ``python -m helpers`` starts: the notebook runner, sweeps, the page, training."""
