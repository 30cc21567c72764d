"""What can be done about features that change with the position, what that gains and what it costs (ours).

A remedy is judged by features alone, those of N objects at a lattice of places and one pixel beside each: it gains
what `change` shrinks by. Its price is the answers (`scores`) and the arithmetic (`operations`). What needs another
network or another picture is elsewhere (`networks.antialias`, `measures.padding`); what is done to features already
computed is here: averaging over neighbouring shifts, and taking out the directions that carry the position.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from helpers import shifting
from helpers.measures import variation
from helpers.measures.arrays import check_positive, unit_vectors
from helpers.measures.probes.solver import solve
from helpers.networks import Network, nodes
from helpers.networks.passes import watch


@dataclass(frozen=True)
class Change:
    """How much the features of N objects change; arrays (N,).

    `local` and `overall` are shares of the change to another object at the same place: 0 is none, 1 as much. A remedy
    that makes all features alike has small cosine distances, and large shares.
    """

    local: np.ndarray  # over one pixel: (1 - s) / (1 - d), s the cosine over one pixel
    overall: np.ndarray  # over the frame: 1 - I, as in `variation.calibrate`
    pixel: np.ndarray  # 1 - cosine over one pixel, as it is
    different: np.ndarray  # d, the cosine with other objects at the same place


def neighbourhoods(grid: tuple[int, int], *, stride: int, reach: int = 1) -> np.ndarray:
    """Every `stride`-th position of a grid with its neighbours: (reach + 1) x (reach + 1) of them, one pixel apart.

    They go down and to the right, or up and to the left where that leaves the grid.

    Args:
        grid: (R, C), pixels.

    Returns:
        int64 (R, C, reach + 1, reach + 1, 2), (row, col) in pixels; the lattice's position is the first of each.

    Raises:
        ValueError: a reach that leaves the grid both ways, or a stride or reach under 1.
    """
    check_positive(reach=reach)
    lines = []
    for side, starts in zip(grid, shifting.positions(grid, stride), strict=True):
        starts = starts.numpy()[:, None]
        away = np.where(starts + reach < side, 1, -1) * np.arange(reach + 1)
        if (starts + away).min() < 0:
            raise ValueError(f"reach {reach} px leaves a grid of {grid} positions both ways: use a smaller one")
        lines.append(starts + away)
    rows, cols = lines
    shape = len(rows), len(cols), reach + 1, reach + 1
    down, right = rows[:, None, :, None], cols[None, :, None, :]
    return np.stack([np.broadcast_to(down, shape), np.broadcast_to(right, shape)], -1)


def steps(patches) -> np.ndarray:
    """Of each patch (..., H, W, D) the first, the one below it, and the one to its right: (..., 3, D).

    So it takes features of `neighbourhoods` or these positions themselves; the order is that of `variation.walks`.
    """
    patches = np.asarray(patches)
    return np.stack([patches[..., 0, 0, :], patches[..., 1, 0, :], patches[..., 0, 1, :]], -2)


def change(near, *, blank=None) -> Change:
    """How much N objects change over one pixel and over the frame, on the scale of exchanging them.

    Args:
        near: (N, R, C, 3, D), features as `steps` gives them.
        blank: (D,), features subtracted first, as in `variation.calibrate`.

    Raises:
        ValueError: another shape, or what `variation.calibrate` raises.
    """
    near = np.asarray(near)
    if near.ndim != 5 or near.shape[3] != 3:
        raise ValueError(f"features are (objects, rows, columns, 3 steps, dimensions); got shape {near.shape}")
    found = variation.calibrate(near[..., 0, :], blank=blank)
    shift = 0.0 if blank is None else np.asarray(blank, dtype=np.float64)
    walks = near.reshape(len(near), -1, 3, near.shape[-1])
    pixel = np.array([variation.drop_along(walk.astype(np.float64) - shift, [1])[1] for walk in walks])
    return Change(pixel / (1 - found.different), 1 - found.invariance, pixel, found.different)


def average(patches, k: int) -> np.ndarray:
    """Features averaged over each k x k neighbouring positions.

    The average of a network's features over its shifts (test-time augmentation), k * k forward passes for one
    picture. What alternates with a period of p pixels is gone where p divides k.

    Args:
        patches: (..., H, W, D), features one pixel apart.

    Returns:
        float64 (..., H - k + 1, W - k + 1, D).

    Raises:
        ValueError: k under 1, or over a patch's side.
    """
    check_positive(k=k)
    patches = np.asarray(patches)
    if patches.ndim < 3 or min(patches.shape[-3:-1]) < k:
        raise ValueError(f"{k} x {k} shifts do not fit patches (..., H, W, D) of shape {patches.shape}")
    windows = np.lib.stride_tricks.sliding_window_view(patches, (k, k), axis=(-3, -2))
    return windows.mean((-2, -1), dtype=np.float64)


def position_directions(features, places, *, count: int, alpha: float = 1e-2) -> np.ndarray:
    """Directions in which features say where an object is, the most telling first.

    Ridge regression finds the two that predict (row, col); they are taken out, and it is asked again, until there are
    `count` (iterative nullspace projection: Ravfogel et al., "Null It Out", ACL 2020). Each object's mean is taken away
    first, so that what tells objects apart is no part of it.

    Args:
        features: (N, P, D), of N objects at the same P places.
        places: (P, 2), pixels.
        count: of directions; two are found at a time.
        alpha: ridge's penalty as a share of the points' variance, as in `probes`.

    Returns:
        float64 (D, count), orthonormal columns.

    Raises:
        ValueError: other shapes, more directions than the points span, or a count under 1.
    """
    check_positive(count=count)
    features, places = np.asarray(features, dtype=np.float64), np.asarray(places, dtype=np.float64)
    if features.ndim != 3 or places.shape != (features.shape[1], 2):
        raise ValueError(f"give features (N, P, D) and places (P, 2); got {features.shape} and {places.shape}")
    points = (features - features.mean(1, keepdims=True)).reshape(-1, features.shape[-1])
    span = int(np.linalg.matrix_rank(points))
    if count > span:
        raise ValueError(f"{count} directions, but the points span only {span}: ask for fewer, or give more places")
    aims = np.tile(places - places.mean(0), (len(features), 1))
    found = np.empty((points.shape[1], 0))
    while found.shape[1] < count:
        weights = points.T @ solve(points @ points.T, aims, alpha=alpha)
        weights -= found @ (found.T @ weights)  # orthogonal already, but for rounding
        new, sizes, _ = np.linalg.svd(weights, full_matrices=False)
        new = new[:, sizes > 1e-9 * sizes[0]]
        found = np.hstack([found, new])
        points = points - (points @ new) @ new.T
    return found[:, :count]


def random_directions(features, *, count: int, seed: int = 0) -> np.ndarray:
    """Directions drawn from the features' own distribution: what taking out any `count` of them would do.

    Args:
        features: (..., D); the directions are random combinations of these, centred.

    Returns:
        float64 (D, count), orthonormal columns.

    Raises:
        ValueError: fewer features than directions.
    """
    check_positive(count=count)
    points = np.asarray(features, dtype=np.float64).reshape(-1, np.shape(features)[-1])
    if count >= min(points.shape):
        raise ValueError(f"{count} directions out of {points.shape[0]} features of {points.shape[1]} dimensions")
    drawn = np.random.default_rng(seed).normal(size=(count, len(points))) @ (points - points.mean(0))
    return np.linalg.qr(drawn.T)[0]


def ablate(features, directions, *, mean) -> np.ndarray:
    """Features (..., D) set to `mean` (D,) along each of the orthonormal directions (D, K), float64."""
    centred = np.asarray(features, dtype=np.float64) - mean
    return centred - (centred @ directions) @ directions.T + mean


def without_position(features, swept, places, *, count: int, seed: int | None = None) -> np.ndarray:
    """Each object's features without the directions that tell the position of the *other* objects.

    Args:
        features: (N, ..., D), of N objects.
        swept: (N, P, D), the same objects at the P places that directions are found at.
        places: (P, 2), pixels.
        count: of directions, as in `position_directions`.
        seed: None, or that of as many `random_directions` instead.

    Returns:
        float64 (N, ..., D), along these directions set to the other objects' mean.

    Raises:
        ValueError: fewer than two objects, numbers of objects that differ, or as `position_directions`.
    """
    features, swept = np.asarray(features), np.asarray(swept)
    if len(features) != len(swept) or len(swept) < 2:
        raise ValueError(f"{len(features)} and {len(swept)} objects: give the same two or more on both sides")
    left = np.empty(features.shape)
    for i in range(len(swept)):
        others = np.delete(swept, i, axis=0)
        if seed is None:
            ways = position_directions(others, places, count=count)
        else:
            ways = random_directions(others, count=count, seed=seed + i)
        left[i] = ablate(features[i], ways, mean=others.mean((0, 1)))
    return left


def neighbour_changes(before, after, *, groups) -> dict[str, float]:
    """How often a picture's nearest neighbour, by cosine, is another once the picture has moved.

    Neighbours are sought among the unmoved pictures of other groups.

    Args:
        before: (P, D), features of P pictures.
        after: (P, M, D), of the same pictures moved in M ways.
        groups: (P,), the photograph that each is a crop of.

    Returns:
        {group: share of its pictures and moves}.

    Raises:
        ValueError: shapes that differ, a zero or non-finite vector, or a single group.
    """
    base, moved = unit_vectors(before, what="before"), unit_vectors(after, what="after")
    group = np.asarray(groups)
    if base.ndim != 2 or moved.shape[::2] != base.shape or group.shape != base.shape[:1]:
        raise ValueError(f"give (P, D), (P, M, D) and (P,); got {base.shape}, {moved.shape} and {group.shape}")
    if len(np.unique(group)) < 2:
        raise ValueError(f"all pictures are of {group[0]}: neighbours are sought among the others, so give two or more")
    own = np.where(group[:, None] == group, -np.inf, 0.0)
    first, then = (base @ base.T + own).argmax(-1), (moved @ base.T + own[:, None]).argmax(-1)
    changed = (then != first[:, None]).mean(1)
    return {str(name): float(changed[group == name].mean()) for name in dict.fromkeys(group.tolist())}


def scores(network: Network, layer: str, features) -> np.ndarray:
    """The class scores that the network's last layer gives to features of the layer before it: (..., D) to (..., K).

    Raises:
        ValueError: a layer that is neither the scores themselves nor what a linear layer makes them of.
    """
    features = np.asarray(features)
    if layer == network.logits:
        return features
    path, marks = nodes.split(layer, network.layers[network.check(layer)[0]])
    head = network.submodule(path)
    if marks != ["input"] or not isinstance(head, nn.Linear):
        what = f"the scores of {network.name} are not made of {layer!r} by one linear layer"
        raise ValueError(f"{what}: use 'pool', or {network.logits!r}")
    with torch.inference_mode():
        return head(torch.as_tensor(features).to(head.weight)).cpu().numpy()


def operations(network: Network, frame: int | None = None) -> int:
    """The floating-point operations of one square frame (of `network.frame` pixels), as torch counts them."""
    side = frame or network.frame
    with FlopCounterMode(display=False) as counter:
        watch(network.module, (side, side))
    return counter.get_total_flops()
