"""What is seen: plots (arrays in, a Figure out) and panels (ipywidgets)."""
