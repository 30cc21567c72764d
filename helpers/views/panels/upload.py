"""An image of one's own, given to a notebook by a button."""

from __future__ import annotations

from pathlib import Path

import traitlets as tl

from helpers.views.panels.kept import Kept


class Upload(Kept, tl.HasTraits):
    """An object's name until someone uploads an image: then the path of that.

    Where nobody can, it stays what it was, and says so.

    Args:
        name: of an object, as for ``objects.load``.
        folder: where uploaded images go.
    """

    name = tl.Unicode(help="for objects.load")

    def __init__(self, name: str, *, folder: str | Path) -> None:
        super().__init__(name=name)
        self._folder = Path(folder) / "uploads"

    def keep(self, name: str, content: bytes) -> None:
        """Write an uploaded file, and take it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / Path(name).name  # no folder of the uploader's
        path.write_bytes(content)
        self.name = str(path)
        self._keep()

    @property
    def widget(self):
        """The ipywidgets box: a button, and the object's name."""
        import ipywidgets as w

        button = w.FileUpload(accept=".png,.jpg,.jpeg", multiple=False, description="your image")
        shown = w.Label(f"object: {self.name}")
        button.observe(lambda change: [self.keep(each["name"], bytes(each["content"])) for each in change.new], "value")
        self.observe(lambda change: shown.set_trait("value", f"object: {Path(change.new).name}"), "name")
        return w.HBox([button, shown])

    def _repr_mimebundle_(self, **_kwargs: object) -> dict:
        return {"text/plain": self._text()}

    def _text(self) -> str:
        return f"object: {self.name} (in a live notebook, a button takes an image of yours)"
