"""What networks answer at a position, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch


def answers(scores: Mapping[str, tuple[torch.Tensor, Sequence[str] | None]], *, label: str | None) -> list[str]:
    """A line on what each network answers and how sure it is, and on the right class where that is another.

    Args:
        scores: by name, a network's class scores (classes,), before the softmax, and its class names.
        label: the right class, if there is one.

    Returns:
        One line; none if there are no scores.
    """
    told = []
    for name, (values, labels) in scores.items():
        shares = torch.as_tensor(values).double().softmax(0)
        top = int(shares.argmax())
        answer = labels[top] if labels is not None else f"class {top}"
        said = f"{name} says {answer}, P = {float(shares[top]):.2f}"
        if labels is not None and label in labels and answer != label:
            said += f" ({label} {float(shares[list(labels).index(label)]):.2f})"
        told.append(said)
    return [";  ".join(told)] if told else []
