"""A linear SVM in few coordinates: exact, and fast where features are many and smooth."""

from __future__ import annotations

import warnings

import numpy as np
import scipy.linalg
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

PRODUCTS = 5000  # points whose products with each other are all kept (200 MB)
FIRST = 1000  # of more points, those in the first working set of an SVM
# Where an SVM stops. scikit-learn's 1e-3 lets the last digits of the features decide where that is, which moves
# answers near the plane five times as much as the features do; going on to 1e-5 takes a tenth more time.
STOP = 1e-5
TOLERANCE = 1e-6  # of the largest rms along an axis: float32 features hold no more
# An SVM's steps, each of which takes some nanoseconds per point and cannot be interrupted: a few seconds, or for
# many points more. The networks' features take up to 200 steps per point, at ten times their size too; noise of that
# size takes 10,000.
_WORK, _STEPS = 10**9, 500
_SMALL = 2**21  # numbers in a matrix: below, a second thread costs more than it does


def one_thread(features) -> threadpool_limits:
    """A context in which linear algebra runs on one thread, unless the features (P, D) are many.

    The threads of a BLAS wait for each other in busy loops. A probe is hundreds of products that take a
    millisecond each: on a core that is shared, two threads spend ten times the time of one on them.
    """
    return threadpool_limits(1 if np.size(features) <= _SMALL else None, user_api="blas")


def reduce(features) -> np.ndarray:
    """The same points in fewer coordinates.

    Centred and turned to their principal axes; axes along which the points' rms is below 1e-6 times
    the largest axis's are left out (float32 features hold no more). A linear SVM with a free intercept, and
    ridge regression with one, give the same answers on both: they use distances only, which stay.
    Ours.

    Args:
        features: (..., D), finite: points (P, D), or positions (R, C, D).

    Returns:
        float64 (..., r), r <= D and <= the points: at least one coordinate, all zeros for constant features.

    Raises:
        ValueError: one point's shape (D,), or no points.
    """
    features = np.asarray(features)
    if features.ndim < 2 or not features.size:
        raise ValueError(f"points are (..., D); got shape {features.shape}")
    leading, features = features.shape[:-1], features.reshape(-1, features.shape[-1])
    centred = features - features.mean(0, dtype=np.float64)
    wide = centred.shape[1] > centred.shape[0]
    square = centred @ centred.T if wide else centred.T @ centred
    power, axes = np.linalg.eigh(square)
    keep = power > TOLERANCE**2 * max(power[-1], 0)
    if not power[-1] > 0:
        return np.zeros((*leading, 1))
    points = axes[:, keep] * np.sqrt(power[keep]) if wide else centred @ axes[:, keep]
    return points.reshape(*leading, -1)


def svm(points, labels, *, c: float, **settings) -> SVC:
    """scikit-learn's linear SVM, stopped where it would take too long, with a warning.

    Args:
        points: (P, r), or their products (P, P) for ``kernel="precomputed"``.
        labels: bool (P,).
        c: the penalty C.
        settings: of ``sklearn.svm.SVC``.
    """
    steps = max(_WORK // len(points), _STEPS * len(points))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # scikit-learn's own, without the remedy for a probe
        machine = SVC(C=c, max_iter=steps, **settings).fit(points, labels)
    if machine.fit_status_:
        warnings.warn(
            f"the SVM of {len(points)} positions was stopped after {steps} steps, and its answers are approximate: "
            f"C = {c} is too much for features of this size; divide them by their deviation, or take a smaller c",
            stacklevel=3,
        )
    return machine


def decide(train, labels, *, test, c: float = 1.0, products=None) -> np.ndarray:
    """Train a linear SVM (hinge loss, free intercept) and give signed distances.

    This is `sklearn.svm.SVC(kernel="linear")`, run until the margins hold to `STOP`. Where points are many, on a
    working set of them that grows until no point outside it lies within the margin; such points have no part in the
    solution (Osuna, Freund and Girosi, "Improved training algorithm for support vector machines", 1997). Positions
    are many and support vectors few, so it is several times as fast as one fit of everything.

    Args:
        train: (P, r).
        labels: bool (P,).
        test: (T, r).
        c: the penalty C.
        products: (P, P) float64, the training points' products with each other, if they are at hand.

    Returns:
        (T,), positive for True; not scaled by the weights' length, so the margin is at -1 and 1.

    Raises:
        ValueError: all `labels` are alike.
    """
    labels = np.asarray(labels, dtype=bool)
    if len(np.unique(labels)) < 2:
        raise ValueError("all training positions lie in the same half; there is nothing to tell apart")
    sign = np.where(labels, 1.0, -1.0)
    working = np.arange(len(train))
    if products is None and len(train) > PRODUCTS:
        few = np.unique(np.linspace(0, len(train) - 1, FIRST).astype(np.intp))
        working = few if len(np.unique(sign[few])) > 1 else working
    while True:
        near = train[working].astype(np.float64)
        # the products once and by BLAS: where coordinates are many, libsvm's own take six times as long
        if products is not None:
            kernel, given = "precomputed", products
        else:
            kernel, given = ("precomputed", near @ near.T) if len(near) <= PRODUCTS else ("linear", near)
        machine = svm(given, labels[working], c=c, kernel=kernel, cache_size=1000, tol=STOP)
        plane, offset = machine.dual_coef_[0] @ near[machine.support_], machine.intercept_[0]
        if len(working) == len(train):
            return test @ plane + offset
        margin = sign * (train @ plane.astype(train.dtype) + offset)  # no copy of float32 features
        margin[working] = np.inf
        violators = np.flatnonzero(margin < 1 - machine.tol)
        if not len(violators) or machine.fit_status_:
            return test @ plane + offset
        # the worst ones, at most as many as there are: few rounds, whatever the share of support vectors
        working = np.append(working, violators[np.argsort(margin[violators])[: len(working)]])


def ridge(train, targets, *, test, alpha: float) -> np.ndarray:
    """Ridge regression with a free intercept, in closed form.

    Args:
        train: (P, r).
        targets: (P,) or (P, K).
        test: (T, r).
        alpha: the penalty as a share of the training points' total variance, so that it means the same for
            features of any size: directions holding far more than that share are used, far less are not.

    Returns:
        Predictions (T,) or (T, K).

    Raises:
        ValueError: alpha is not positive.
    """
    centred = train - train.mean(0)
    weights = solve(centred.T @ centred, centred.T @ targets, alpha=alpha)
    return targets.mean(0) + (test - train.mean(0)) @ weights


def solve(scatter: np.ndarray, targets: np.ndarray, *, alpha: float) -> np.ndarray:
    """Ridge's weights (r, K) from the scatter (r, r) of centred points and their products (r, K) with the targets.

    Raises:
        ValueError: as :func:`ridge`.
    """
    if not alpha > 0:
        raise ValueError(f"alpha {alpha} must be positive")
    penalised = scatter.copy()
    # constant features have no variance: any penalty then gives the mean, as it should
    penalised[np.diag_indices_from(penalised)] += alpha * np.trace(scatter) or 1.0
    return scipy.linalg.solve(penalised, targets, assume_a="pos", overwrite_a=True)
