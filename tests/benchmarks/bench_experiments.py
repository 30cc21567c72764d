"""The other experiments at the paper's sizes, against the library call that does the job best."""

from __future__ import annotations

import measure

from helpers import runtime

FEATURES = """
import numpy as np
rng = np.random.default_rng(0)
side, dims = {side}, {dims}
# Smooth in the position, as features are, with noise of a twentieth: waves of up to two periods across the frame.
rows, cols = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side), indexing="ij")
waves = np.stack([np.cos(np.pi * (rows * a + cols * b)) for a in range(5) for b in range(-4, 5)], -1)
points = (waves.reshape(side * side, -1) @ rng.standard_normal((45, dims))).astype(np.float32)
points += rng.standard_normal(points.shape, dtype=np.float32) * points.std() / 20
"""
PROBE = (
    FEATURES
    + """
from helpers.measures import probes
label, fold = probes.labels((side, side), "top/bottom"), None
fold = probes.folds(label).ravel()
label, test = label.ravel(), fold == 2
train, held, truth = points[~test], points[test], label[~test]
before()
start = time.process_time()
if {ours}:
    decision = probes.decide(train, truth, test=held)
else:
    from sklearn.svm import SVC
    decision = SVC(kernel="linear", C=1, cache_size=1000).fit(train, truth).decision_function(held)
result = {{"seconds": time.process_time() - start, "answer": float(((decision > 0) == label[test]).mean())}}
"""
)
ASSIGN = """
import numpy as np
from scipy.optimize import linear_sum_assignment
from helpers.measures import permutations
rng = np.random.default_rng(0)
u = rng.standard_normal((64, {dims})); v = u[:, rng.permutation({dims})] + rng.standard_normal(u.shape)
before()
start = time.process_time()
if {ours}:
    found = permutations.fit(u, v)
else:
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (u, v))
    found = linear_sum_assignment(a.T @ b, maximize=True)[1]
result = {{"seconds": time.process_time() - start, "answer": float(permutations.score(u, v, permutation=found).mean())}}
"""


def bench() -> None:
    where, rows = runtime.device("cpu"), []
    works = {
        "position probe, one fold: 22,500 x 4,096": ('`SVC(kernel="linear")`', PROBE, {"side": 150, "dims": 4096}),
        "assignment, D = 4,096": ("`linear_sum_assignment` on the products", ASSIGN, {"dims": 4096}),
    }
    for name, (library, code, sizes) in works.items():
        ours, theirs = (measure.in_a_process(code.format(ours=mine, **sizes)) for mine in (True, False))
        rows.append(
            {
                "work": name,
                "ours, s": f"{ours['seconds']:.1f}",
                "the library call": library,
                "its s": f"{theirs['seconds']:.1f}",
                "ours / its": f"{ours['seconds'] / theirs['seconds']:.2f}",
                "memory ours, its, MB": f"{ours['MB']:.0f}, {theirs['MB']:.0f}",
                "answers": f"{ours['answer']:.4f}, {theirs['answer']:.4f}",
            }
        )
    text = (
        "One run each, each in a process of its own; the answers are the accuracy on the fold held out, and the mean "
        "cosine after the reordering."
    )
    measure.write("4", "The other experiments at the paper's size", text, rows, where)
