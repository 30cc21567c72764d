"""Live controls, and a plain picture of them that stays: what a saved notebook, a page or a mail still shows."""

from __future__ import annotations

import asyncio
import os
from html import escape
from uuid import uuid4

# JupyterLab's line "Error displaying widget: model not found" in a notebook that is opened again: an output without
# a live view in it. What was kept stands below it.
_DEAD = "<style>.jp-OutputArea-output.jupyter-widgets:not(:has(*)) {display: none}</style>"


def someone_is_there() -> bool:
    """Whether controls are shown: wherever a cell runs for a person, or may.

    Nobody is there without a kernel, in a run that says so (``SHIFT_UNATTENDED``), and in what nbclient executes
    (papermill, nbconvert), which alone doesn't let a cell ask for input. Voila doesn't either, but shows what it
    executed to a visitor, so that it counts as someone.
    """
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None or os.environ.get("SHIFT_UNATTENDED"):
        return False
    if os.environ.get("SERVER_SOFTWARE", "").startswith("voila"):
        return True
    return bool(kernel.get_parent("shell").get("content", {}).get("allow_stdin", True))


class Kept:
    """What is shown as a widget where someone is there, with the same as plain HTML under it.

    The widget's view is lost with its kernel; the HTML is part of the notebook, and hidden while the widget lives,
    which brings the style that hides it. Where nobody is there, IPython shows ``_repr_mimebundle_`` as it is.

    A subclass has a ``widget``, its words (``_text``) and its HTML (``_html``), and calls ``_keep`` when it changed.
    """

    _shown = _later = None

    def _text(self) -> str:
        raise NotImplementedError

    def _html(self) -> str:
        return f"<pre>{escape(self._text())}</pre>"

    def _ipython_display_(self) -> None:
        if not someone_is_there():
            raise NotImplementedError  # IPython then shows the bundle
        import ipywidgets as w
        from IPython.display import display

        self._name = f"kept-{uuid4().hex[:12]}"
        hides = w.HTML(f"<style>.{self._name} {{display: none}}</style>", layout={"display": "none"})
        display({"text/plain": self._text()} | w.VBox([self.widget, hides])._repr_mimebundle_(), raw=True)
        self._shown = display(self._bundle(), raw=True, display_id=True)

    def _keep(self) -> None:
        """Keep what is shown now; a moment later, so that one who drags does not wait for it."""
        if self._shown is None:
            return
        if self._later is not None:
            self._later.cancel()
        try:
            self._later = asyncio.get_running_loop().call_later(0.3, self._renew)
        except RuntimeError:  # no kernel's loop
            self._renew()

    def _renew(self) -> None:
        self._shown.update(self._bundle(), raw=True)

    def _bundle(self) -> dict[str, str]:
        html = f'<div class="{self._name}">{_DEAD}{self._html()}</div>'
        return {"text/plain": self._text(), "text/html": html}
