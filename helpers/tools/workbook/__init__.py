"""Executing the notebooks headlessly, judging what they wrote, reporting and publishing it."""
