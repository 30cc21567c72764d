"""What a notebook shows beside its figures: slider panels, questions to guess at, an upload, folded tables.

A panel is made from results that are already computed, is shown by being the last line of a cell, and keeps
its whole state in traits, so it can be driven without a browser::

    panel = panels.SimilarityPanel([plain, smooth])   # two (or more) helpers.features.Features
    panel                                              # shows it

    panel = panels.MapPanel({"off-the-shelf": a, "anti-aliased": b}, scene, label="P(airplane)")
    panel

In a live notebook the panel is rows of controls over one picture. A press in a map, or a drag over it or over the
frame, moves the object; with Shift the anchor is put there. The last picture stays in the notebook when it is saved.
Where nobody can press anything (papermill, nbconvert, or ``SHIFT_UNATTENDED`` is set) the panel shows the same
picture as a plain PNG and opens no widget at all, so an executed notebook carries no widget state and its readers
still see the default view.

Traits common to both panels (positions are the object's, in pixels, on the lattice of the maps):

=============  =========================================================================================
``row, col``   where the object is; a value between two lattice positions moves to the nearest one
``lower``      lower colour limit of the maps; the bar ends in an arrow where a map has values below it
``limits``     (lower, upper) of the colour scale, read only
``values``     what is read off at (row, col): ``{"left": float, "right": float, "difference": float}``,
               read only (``right`` and ``difference`` are absent where there is one map)
``caption``    the sentence under the picture: value and place, read only
=============  =========================================================================================

``SimilarityPanel`` adds ``network``, ``layer``, ``object`` (names offered: ``panel.networks``, ``panel.layers``,
``panel.objects``), ``anchor`` ("tl", "tr", "c", "bl", "br", or "here") and ``anchor_row``, ``anchor_col`` in
pixels: setting those puts the anchor anywhere and turns ``anchor`` to "here".
``MapPanel`` adds ``left`` and ``right``, the names of the two maps shown.

``panel.press(x, y, anchor=False)`` does what a press in the picture does, ``panel.go(row, col)`` moves the object,
``panel.fit()`` sets the colours to the maps on show, ``panel.lay_out(width)`` draws for a window of that width.
``panel.figure`` is the matplotlib Figure of the present state (save it with ``record.save_figure``),
``panel.png()`` its bytes, ``panel.widget`` the ipywidgets box (made when first asked for).

Predict, then look (`Guess`), an image of one's own (`Upload`) and tables behind a line that opens them (`Folded`)::

    guess = panels.Guess({"Is the map flat?": ["flat", "not flat"]})
    guess                                              # asks; printed where nobody can choose
    guess.beside(f"lowest {float(maps.min()):.2f}")    # after the results: the guess beside what was measured
"""

from helpers.views.panels.folded import Folded
from helpers.views.panels.guess import Guess
from helpers.views.panels.maps import MapPanel
from helpers.views.panels.similarity import SimilarityPanel
from helpers.views.panels.upload import Upload

__all__ = ["Folded", "Guess", "MapPanel", "SimilarityPanel", "Upload"]
