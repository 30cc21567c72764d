"""What JupyterLab leaves out when it saves a notebook (`make lab`), so that opening and saving changes no file."""

from __future__ import annotations


def settle(*, model: dict, **_about: object) -> None:
    """Leave out the version of the Python that happens to run, which JupyterLab writes into each notebook it opens.

    A ``pre_save_hook`` of the Jupyter server.

    Args:
        model: what is saved; its content is changed.
    """
    if model.get("type") == "notebook" and model.get("content"):
        model["content"].get("metadata", {}).get("language_info", {}).pop("version", None)
