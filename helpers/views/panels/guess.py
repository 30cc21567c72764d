"""Predict, then look: questions asked before the results, and the answers beside what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import ClassVar

import traitlets as tl

from helpers.views.panels.kept import Kept
from helpers.views.panels.maps import known


class Guess(Kept, tl.HasTraits):
    """A few questions, each with answers to choose from; shown by being the last line of a cell.

    What is chosen is kept while the kernel lives, also where the cell is run again. Where nobody can choose, the
    questions are printed.

    Args:
        questions: the answers offered, by question.

    Raises:
        ValueError: no question, or fewer than two answers to one.
    """

    chosen = tl.Dict(help="the answer chosen, by question; a question without one is not in it")
    _kept: ClassVar[dict[str, str]] = {}

    def __init__(self, questions: Mapping[str, Sequence[str]]) -> None:
        if not questions or min(map(len, questions.values())) < 2:
            raise ValueError("a guess needs a question, and each question at least two answers to choose from")
        super().__init__()
        self.questions = {question: tuple(answers) for question, answers in questions.items()}
        kept = {question: self._kept.get(question) for question in self.questions}
        self.chosen = {q: answer for q, answer in kept.items() if answer in self.questions[q]}

    def choose(self, question: str, answer: str) -> None:
        """Answer a question; again to change one's mind.

        Raises:
            ValueError: a question or an answer that is not offered, with the nearest that is.
        """
        answers = self.questions[known(question, self.questions, kind="question")]
        self._kept[question] = known(answer, answers, kind="answer")
        self.chosen = {**self.chosen, question: answer}
        self._keep()

    def beside(self, *found: object) -> Beside:
        """The answers chosen beside what was found, as a table that follows later choices.

        Args:
            found: one for each question, in their order.

        Raises:
            ValueError: as many results as questions are needed.
        """
        if len(found) != len(self.questions):
            raise ValueError(f"{len(found)} results for {len(self.questions)} questions: give one for each, in order")
        return Beside(self, dict(zip(self.questions, map(str, found), strict=True)))

    def _repr_mimebundle_(self, **_kwargs: object) -> dict:
        return {"text/plain": self._text(), "text/markdown": self._text()}

    def _text(self) -> str:
        lines = [f"- {question} *{' / '.join(answers)}*" for question, answers in self.questions.items()]
        return "\n".join(["**Your guess**, before you look:", "", *lines])

    def _html(self) -> str:
        lines = [
            f"<li>{escape(question)} " + " / ".join(
                f"<b>{escape(each)}</b>" if each == self.chosen.get(question) else f"<i>{escape(each)}</i>"
                for each in answers
            )
            for question, answers in self.questions.items()
        ]  # fmt: skip
        return f"<p><b>Your guess</b>, before you look:</p><ul>{''.join(lines)}</ul>"

    @property
    def widget(self):
        """The ipywidgets box: under each question a row of buttons, of which one is pressed."""
        import ipywidgets as w

        rows = []
        for question, answers in self.questions.items():
            buttons = w.ToggleButtons(
                options=answers, value=self.chosen.get(question), style={"button_width": "auto"}
            )  # value None: none is pressed
            buttons.observe(lambda change, asked=question: change.new and self.choose(asked, change.new), "value")
            rows += [w.HTML(escape(question)), buttons]
        return w.VBox(rows)


class Beside(Kept):
    """What :meth:`Guess.beside` shows."""

    def __init__(self, guess: Guess, found: Mapping[str, str]) -> None:
        self._guess, self._found = guess, found

    @property
    def widget(self):
        """The table, which follows what is chosen."""
        import ipywidgets as w

        shown = w.HTML(self._html())

        def follow(_change: dict) -> None:
            shown.value = self._html()
            self._keep()

        self._guess.observe(follow, "chosen")
        return shown

    def _rows(self) -> list[tuple[str, str, str]]:
        return [(question, self._guess.chosen.get(question, "–"), here) for question, here in self._found.items()]

    def _html(self) -> str:
        lines = [("question", "your guess", "measured"), *self._rows()]
        cells = [
            "".join(f'<{tag} style="text-align: left">{escape(each)}</{tag}>' for each in line)
            for tag, line in zip(["th"] + ["td"] * len(self._found), lines, strict=True)
        ]
        return f"<table>{''.join(f'<tr>{each}</tr>' for each in cells)}</table>"

    def _text(self) -> str:
        return "\n".join(f"{question} Your guess: {guess}. Measured: {here}." for question, guess, here in self._rows())

    def _repr_mimebundle_(self, **_kwargs: object) -> dict:
        return {"text/plain": self._text(), "text/html": self._html()}
