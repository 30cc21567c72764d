"""The classifier's answers under shifts: hand-computed grids, a slow reference in NumPy, nulls, errors."""

import itertools

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg

from helpers.measures import consistency
from helpers.views import plots
from helpers.views.plots.style import VARIANT_COLOURS

GRID = torch.tensor([[0, 0, 1], [0, 1, 1], [2, 1, 1]])


def random_answers(shape, classes, seed):
    return np.random.default_rng(seed).integers(classes, size=shape)


def windows(answers, side):
    rows, cols = answers.shape
    for row, col in itertools.product(range(rows - side + 1), range(cols - side + 1)):
        yield answers[row : row + side, col : col + side]


def slow_pairs(answers, target, side):
    """(both right, one right, both wrong and the same, both wrong and different) by counting every pair."""
    shares = []
    for window in windows(answers, side):
        flat = window.ravel().tolist()
        counts = [0, 0, 0, 0]
        for a, b in itertools.product(flat, flat):
            right = (a == target) + (b == target)
            counts[0 if right == 2 else 1 if right == 1 else 2 if a == b else 3] += 1
        shares.append(np.array(counts) / len(flat) ** 2)
    return np.mean(shares, 0)


def test_probability_by_hand_and_far_out_of_range_of_exp():
    # Logits that are logarithms of probabilities are their own answer.
    shares = np.array([[[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]])
    found = consistency.probability_map(np.log(shares), target=2)
    # float32 output: half a unit in the last place of 0.8
    np.testing.assert_allclose(found, [[0.2, 0.8]], rtol=0, atol=6e-8)
    assert found.dtype == torch.float32
    # exp(1000) overflows; adding a constant to all logits changes nothing.
    huge = consistency.probability_map(torch.tensor([[[1000.0, 999.0], [-2000.0, -2000.0]]]), target=0)
    np.testing.assert_allclose(huge, [[1 / (1 + np.exp(-1)), 0.5]], atol=6e-8)


def test_answers_are_the_largest_logit_and_ties_are_named():
    logits = torch.tensor([[[0.0, 2.0, 1.0], [3.0, 2.0, 1.0]]])
    assert consistency.answers(logits).tolist() == [[1, 0]]
    tied = torch.tensor([[[0.0, 2.0, 1.0], [3.0, 2.0, 3.0]]])
    with pytest.raises(ValueError, match=r"1 of 2 positions .* at \(0, 1\) classes \[0, 2\] tie"):
        consistency.answers(tied)
    assert consistency.answers(tied, ties="lowest").tolist() == [[1, 0]]
    with pytest.raises(ValueError, match="'first' must be 'error' or 'lowest'"):
        consistency.answers(tied, ties="first")


def test_change_rates_by_hand():
    rates = consistency.change_rates(GRID)
    assert rates == {"vertical": 2 / 6, "horizontal": 3 / 6, "diagonal": 4 / 8}


def test_change_rates_know_their_direction():
    stripes = torch.arange(4)[:, None].expand(4, 5) % 2  # horizontal stripes: only vertical steps cross
    assert consistency.change_rates(stripes) == {"vertical": 1.0, "horizontal": 0.0, "diagonal": 1.0}
    board = (torch.arange(4)[:, None] + torch.arange(5)) % 2  # a chessboard: the diagonals stay on a colour
    assert consistency.change_rates(board) == {"vertical": 1.0, "horizontal": 1.0, "diagonal": 0.0}


def test_consistency_by_hand():
    # Windows of 2: 3 + 1, 1 + 3, 1 + 2 + 1 and 4 of a kind.
    assert consistency.consistency(GRID, window=2) == (10 + 10 + 6 + 16) / 64
    assert consistency.consistency(GRID, window=3) == pytest.approx((9 + 25 + 1) / 81, abs=1e-15)
    assert consistency.consistency(torch.full((4, 6), 7), window=3) == 1


@pytest.mark.parametrize("shape, classes, side", [((5, 7), 3, 2), ((6, 4), 2, 4), ((7, 7), 9, 5)])
def test_pair_shares_match_counting_every_pair(shape, classes, side):
    answers = random_answers(shape, classes, seed=side)
    found = consistency.pair_shares(answers, target=1, window=side)
    slow = slow_pairs(answers, 1, side)
    got = [found.both_right, found.one_right, found.both_wrong_same, found.both_wrong_different]
    # Counts are exact in both; only a few divisions and sums in float64 differ.
    np.testing.assert_allclose(got, slow, rtol=0, atol=1e-14)
    assert sum(got) == pytest.approx(1, abs=1e-14)
    assert found.consistency == pytest.approx(slow[0] + slow[2], abs=1e-14)


def test_pair_shares_by_hand():
    found = consistency.pair_shares(GRID, target=1, window=2)
    got = [found.both_right, found.one_right, found.both_wrong_same, found.both_wrong_different]
    np.testing.assert_allclose(got, np.array([30, 20, 12, 2]) / 64, rtol=0, atol=1e-15)
    assert found.accuracy == 40 / 64  # the windows hold 1, 3, 2 and 4 right answers of 4


def test_drawing_pairs_estimates_the_exact_consistency():
    """The estimator as published: a place, two shifts in a window, do the answers agree?"""
    rng = np.random.default_rng(4)
    answers = np.add.outer(np.arange(20) // 6, np.arange(22) // 9) % 3  # patches, as real maps have
    side, pairs = 8, 40_000
    start = np.stack([rng.integers(20 - side + 1, size=pairs), rng.integers(22 - side + 1, size=pairs)])
    first, second = start + rng.integers(side, size=(2, 2, pairs))
    agree = (answers[tuple(first)] == answers[tuple(second)]).mean()
    exact = consistency.consistency(answers, window=side)
    # Four standard errors of a share of 40,000 draws, about 0.01: fails by chance in 1 seed of 16,000.
    assert abs(agree - exact) < 4 * np.sqrt(exact * (1 - exact) / pairs)
    assert 0.2 < exact < 0.9  # neither end, where the bound would be vacuous


def test_chance_and_kappa_by_hand():
    maps = [torch.zeros(2, 2, dtype=torch.long), torch.tensor([[0, 1], [1, 1], [1, 1], [1, 0]])]
    # Shares of class 0: all of the one window; 1/4, 0 and 1/4 of the three: 1 and 1/6. Each map has the same
    # weight, however many positions it has, and a position as many as there are windows that hold it.
    assert consistency.chance_agreement(maps, window=2) == pytest.approx((7 / 12) ** 2 + (5 / 12) ** 2, abs=1e-15)
    assert consistency.kappa(0.9, chance=0.6) == pytest.approx(0.75, abs=1e-15)
    assert consistency.kappa(0.6, chance=0.6) == 0
    assert np.isnan(consistency.kappa(1.0, chance=1.0))


def test_an_answer_that_ignores_the_place_and_the_object_has_no_agreement_above_chance():
    maps = [random_answers((60, 60), 4, seed) for seed in range(6)]
    side = 10
    agreement = np.mean([consistency.consistency(one, window=side) for one in maps])
    # The same shift is drawn twice in 1 pair of 100, and agrees with itself: kappa is 0.01, not 0. Its
    # spread is that of 21,600 independent answers over 3 free shares: below 1 / sqrt(21600).
    chance = consistency.chance_agreement(maps, window=side)
    assert consistency.kappa(agreement, chance=chance) == pytest.approx(1 / side**2, abs=1 / np.sqrt(21_600))
    # Consistent for the wrong reason: one answer for all objects has consistency 1, and no kappa.
    same = [torch.full((5, 5), 3)] * 2
    assert consistency.consistency(same[0], window=5) == consistency.chance_agreement(same, window=5) == 1


def test_bad_logits_are_named():
    logits = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match=r"floats \(R, C, K\), not torch.float32 \(4, 5\)"):
        consistency.answers(logits[0])
    with pytest.raises(ValueError, match="at least 2 classes"):
        consistency.answers(logits[..., :1])
    for bad in (float("nan"), float("inf")):
        broken = logits.clone()
        broken[1, 2, 3] = bad
        with pytest.raises(ValueError, match=r"logits not finite at 1 of 12 positions, first at \(1, 2\)"):
            consistency.answers(broken)
    for target in (-1, 5):
        with pytest.raises(ValueError, match=f"class {target} does not exist: it must be 0 to 4"):
            consistency.probability_map(logits, target=target)


def test_bad_answers_and_ranges_are_named():
    with pytest.raises(ValueError, match="class indices"):
        consistency.change_rates(GRID.float())
    with pytest.raises(ValueError, match="-1 is under 0"):
        consistency.change_rates(GRID - 1)
    with pytest.raises(ValueError, match="no neighbours each way"):
        consistency.change_rates(GRID[:1])
    for side in (1, 4):
        with pytest.raises(ValueError, match=rf"window of {side} .* lattice of \(3, 3\): take 2 to 3"):
            consistency.consistency(GRID, window=side)
        with pytest.raises(ValueError, match="take 2 to 3"):
            consistency.pair_shares(GRID, target=1, window=side)
    with pytest.raises(ValueError, match="class -1 does not exist"):
        consistency.pair_shares(GRID, target=-1, window=2)
    with pytest.raises(ValueError, match="at least one"):
        consistency.chance_agreement([], window=2)
    with pytest.raises(ValueError, match="take 2 to 3"):
        consistency.chance_agreement([GRID], window=4)
    with pytest.raises(ValueError, match=r"agreement 1.5 is a share"):
        consistency.kappa(1.5, chance=0.5)


def test_the_cited_table_is_the_published_one():
    # Zhang 2019: anti-aliasing never lowers accuracy or consistency in the four that the paper uses.
    for rows in consistency.ZHANG_2019.values():
        plain, smooth = rows["off-the-shelf"], rows["anti-aliased"]
        assert smooth[0] > plain[0] and smooth[1] > plain[1]
    assert consistency.ZHANG_2019["AlexNet"]["off-the-shelf"] == (56.55, 78.18)
    assert consistency.ZHANG_2019["MobileNetV2"]["anti-aliased"] == (72.50, 87.79)


# Figures


def drawn(figure):
    """Draw the figure; nothing may lie outside the picture."""
    FigureCanvasAgg(figure).draw()
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    edge = 1.5 / figure.dpi  # a pixel and a half: anti-aliased edges
    assert -edge <= box.x0 and -edge <= box.y0 and box.x1 <= width + edge and box.y1 <= height + edge, box
    return figure


def test_outlines_run_between_the_positions_that_differ():
    named = {"rows": ["a"], "columns": ["b"], "names": ["x", "y"], "target": 0}
    figure = drawn(plots.answer_maps([[torch.tensor([[0, 0], [0, 1]])]], **named, stride=4))
    (lines,) = figure.axes[0].collections
    # In pixels, (column, row): over (1, 1), at rows 4 and columns 4, stride 4.
    assert sorted(segment.tolist() for segment in lines.get_segments()) == [[[2, 2], [2, 6]], [[2, 2], [6, 2]]]
    assert list(figure.axes[0].images[0].get_extent()) == [-2, 6, 6, -2]


def test_answer_maps_share_their_colours_and_the_right_answer_is_pale():
    few, many = torch.tensor([[5, 2], [2, 5]]), torch.arange(12).view(3, 4)
    names = [f"class {k}" for k in range(12)]
    figure = drawn(plots.answer_maps([[few, many]], rows=["a"], columns=["b", "c"], names=names, target=5))
    left, right = (axis.images[0] for axis in figure.axes)
    colours = [image.to_rgba(image.get_array()) for image in (left, right)]
    assert (colours[0][0, 0] == colours[1][1, 1]).all() and (colours[0][0, 1] == colours[1][0, 2]).all()
    assert colours[0][0, 0][:3].min() > 0.9
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words[:2] == ["class 5 (right)", "class 2"] and words[-2:] == ["5 others", "the answer changes"]


def test_bars_and_curves_fit():
    names = ["one, centre", "another, centre"]
    variants = dict(zip(names, VARIANT_COLOURS, strict=True))
    bars = plots.pair_bars({"pasted": {name: [0.5, 0.2, 0.2, 0.1] for name in names}}, parts=list("abcd"))
    ends = [bar.get_x() + bar.get_width() for bar in drawn(bars).axes[0].patches]
    np.testing.assert_allclose(ends, [0.5, 0.5, 0.7, 0.7, 0.9, 0.9, 1, 1])
    lines = {kind: {name: [1, 0.5 + i / 10 + j / 4] for j, name in enumerate(names)}
             for i, kind in enumerate(("pasted", "cropped", "circular"))}  # fmt: skip
    axes = drawn(plots.curves(lines, at=[2, 7], xlabel="m (px)", ylabel="right", variants=variants)).axes
    for axis, (kind, expected) in zip(axes, lines.items(), strict=True):
        assert axis.get_title() == kind
        assert [line.get_xdata().tolist() for line in axis.lines] == [[2, 7]] * 2
        assert [line.get_ydata().tolist() for line in axis.lines] == list(expected.values())
    # where two networks coincide, the one below still shows around the one above
    assert axes[0].lines[0].get_markersize() > axes[0].lines[1].get_markersize() + 2


# Published protocols


def test_zhang_draws_one_pair_for_a_batch_and_goes_through_the_set_again():
    """Two images that a shift of the first row alone tells apart: they share a batch's pair, and only that."""
    halves = torch.zeros(4, 2, 2, dtype=torch.long)
    halves[:, 0] = 1
    one_batch = torch.stack([consistency.drawn_consistency(halves, batch=4, passes=1, seed=s) for s in range(200)])
    assert set(one_batch.sum(1).tolist()) == {0.0, 4.0}  # a pair is the batch's: all agree, or none
    alone = torch.stack([consistency.drawn_consistency(halves, batch=1, passes=1, seed=s) for s in range(200)])
    assert {1.0, 2.0, 3.0} <= set(alone.sum(1).tolist())
    passes = torch.stack([consistency.drawn_consistency(halves, batch=4, passes=5, seed=s) for s in range(200)])
    assert set((5 * passes[:, 0]).round().tolist()) == {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}
    # Half of all pairs lie in one row. 1000 pairs, each right with 1/2: 4 standard errors are 0.063.
    assert float(passes[:, 0].mean()) == pytest.approx(0.5, abs=0.063)


def test_zhang_estimates_the_exact_consistency():
    answers = torch.from_numpy(random_answers((1, 4, 4), 3, seed=2))
    exact = consistency.consistency(answers[0], window=4)
    drawn = float(consistency.drawn_consistency(answers, passes=20_000)[0])
    assert drawn == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 20_000) ** 0.5)  # 4 standard errors


def test_worst_cases_by_hand():
    answers = torch.zeros(3, 3, 3, dtype=torch.long)
    answers[1, 0, 2] = 5  # wrong in the first row, which Michaeli's code never crops
    answers[2, 2, 1] = 5
    targets = [0, 0, 0]
    assert consistency.worst_case(answers, targets=targets, protocol="engstrom2019 exhaustive").tolist() == [1, 0, 0]
    assert consistency.worst_case(answers, targets=targets, protocol="michaeli2023").tolist() == [1, 1, 0]
    few, many = (
        torch.stack(
            [consistency.worst_case(answers, targets=targets, protocol="engstrom2019 worst of k", k=k, seed=s)
             for s in range(400)]
        )
        for k in (1, 10)
    )  # fmt: skip
    assert few[:, 0].all() and not (many & ~few).any()  # more shifts cannot help: the first is among them
    # One of nine positions is wrong. 400 draws: 4 standard errors are .063 and .092.
    assert few[:, 1].double().mean().item() == pytest.approx(8 / 9, abs=0.063)
    assert many[:, 1].double().mean().item() == pytest.approx((8 / 9) ** 10, abs=0.092)
    assert (few[:, 1] != few[:, 2]).any()  # each image has shifts of its own
    # Of an oblong lattice every shift is drawn: the last of six is one in six, 4 standard errors of 400 draws are .075.
    for oblong in (torch.zeros(400, 2, 6, dtype=torch.long), torch.zeros(400, 6, 2, dtype=torch.long)):
        oblong[(slice(None), slice(None), -1) if oblong.shape[2] == 6 else (slice(None), -1)] = 5
        right = consistency.worst_case(oblong, targets=[0] * 400, protocol="engstrom2019 worst of k", k=1)
        assert right.double().mean().item() == pytest.approx(5 / 6, abs=0.075)
    assert consistency.worst_case(answers, targets=[0, 5, 5], protocol="engstrom2019 exhaustive").tolist() == [1, 0, 0]


def test_protocols_refuse_what_they_cannot_mean():
    maps = torch.zeros(2, 3, 4, dtype=torch.long)
    with pytest.raises(ValueError, match="unknown protocol 'zhang2018'; did you mean 'zhang2019'"):
        consistency.drawn_consistency(maps, protocol="zhang2018")
    with pytest.raises(ValueError, match=r"answers are \(N, R, C\)"):
        consistency.drawn_consistency(maps[0])
    with pytest.raises(ValueError, match="batch is 0"):
        consistency.drawn_consistency(maps, batch=0)
    with pytest.raises(ValueError, match=r"a lattice of \(3, 4\) has no middle"):
        consistency.worst_case(maps, targets=[0, 0], protocol="michaeli2023")
    with pytest.raises(ValueError, match="2 images but 1 targets"):
        consistency.worst_case(maps, targets=[0], protocol="engstrom2019 exhaustive")
    with pytest.raises(ValueError, match="k is 0"):
        consistency.worst_case(maps, targets=[0, 0], protocol="engstrom2019 worst of k", k=0)
