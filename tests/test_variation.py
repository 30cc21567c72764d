"""Local, global, lattice, bias: hand-computed maps, planted parts, slow references, nulls."""

import numpy as np
import pytest

from helpers.measures import variation

STRIDES = (2, 4, 8, 16, 32)


def cone(side=21, slope=0.01):
    """1 at the centre, falling by `slope` per pixel of Chebyshev distance."""
    away = np.abs(np.arange(side) - side // 2)
    return 1 - slope * np.maximum(away[:, None], away[None])


def noise(side, seed):
    return np.random.default_rng(seed).normal(size=(side, side))


# --- rings, displacements, total variation -----------------------------------------------------------


def test_drop_of_a_cone_is_its_slope_times_the_distance():
    expected = {3 * ring: 0.01 * ring for ring in range(1, 11)}
    assert variation.drop(cone(), stride=3) == pytest.approx(expected, abs=1e-12)


def test_drop_against_a_loop_from_a_corner():
    values = np.random.default_rng(0).uniform(-1, 1, (5, 7))
    for anchor in ((0, 6), "tr"):
        rings = variation.drop(values, anchor=anchor)
        assert list(rings) == list(range(1, 7))
        for distance, found in rings.items():
            lost = [1 - values[r, c] for r in range(5) for c in range(7) if max(r, 6 - c) == distance]
            assert found == pytest.approx(np.mean(lost))
    with pytest.raises(ValueError, match=r"anchor \(21, 0\) is off the 21 x 21 grid"):
        variation.drop(cone(), anchor=(21, 0))


def test_walks_stay_on_the_grid_and_keep_their_distances():
    places = variation.walks((81, 70), (1, 4, 35), count=200, seed=1)
    assert places.shape == (200, 7, 2)
    assert places.min() >= 0
    assert (places.max((0, 1)) < (81, 70)).all()
    steps = places[:, 1:] - places[:, :1]
    np.testing.assert_array_equal(np.abs(steps[:, :3, 0]), np.broadcast_to([1, 4, 35], (200, 3)))
    np.testing.assert_array_equal(np.abs(steps[:, 3:, 1]), np.broadcast_to([1, 4, 35], (200, 3)))
    assert not steps[:, :3, 1].any() and not steps[:, 3:, 0].any()
    assert (np.sign(steps[:, 0, 0]) > 0).mean() == pytest.approx(0.5, abs=0.15)  # 200 fair coins: sd 0.035
    assert (places == variation.walks((81, 70), (1, 4, 35), count=200, seed=1)).all()
    with pytest.raises(ValueError, match="from 1 to 35"):
        variation.walks((81, 70), (36,))


def test_drop_along_walks_by_hand():
    # a vector turned by 60 and 90 degrees along the column, by 0 and 180 along the row
    angles = np.deg2rad([[0, 60, 90, 0, 180]])
    features = np.stack([np.cos(angles), np.sin(angles)], -1) * [[[3.0]]]
    assert variation.drop_along(features, (2, 8)) == pytest.approx({2: 0.25, 8: 1.5})
    with pytest.raises(ValueError, match="walks of 3 positions"):
        variation.drop_along(features, (2,))


def test_total_variation_per_pixel():
    # rows differ by 0.2 (two steps of 2 pairs), columns not at all: mean of 4 x 0.2 and 3 x 0 ... by hand
    values = np.array([[0.0, 0.0], [0.2, 0.2], [0.4, 0.4]])
    assert variation.total_variation(values) == pytest.approx((4 * 0.2 + 3 * 0.0) / 7)
    assert variation.total_variation(values, stride=4) == pytest.approx(0.8 / 7 / 4)
    assert variation.total_variation(np.full((6, 6), 0.3)) == 0


# --- biases ----------------------------------------------------------------------------------------


def test_bias_of_a_plane():
    rows, cols = np.mgrid[:30, :41]
    lean = variation.bias(0.5 + 0.002 * rows - 0.001 * cols, stride=2)
    assert lean.tilt_down == pytest.approx(0.1)  # 0.002 per position of 2 px = 0.1 per 100 px
    assert lean.tilt_right == pytest.approx(-0.05)
    assert lean.top_bottom == pytest.approx(0.002 * 15)  # halves of 15 rows: centres 15 rows apart
    assert lean.left_right == pytest.approx(-0.001 * 21)  # of 41 columns the middle one is in neither


def test_symmetric_map_has_no_bias():
    lean = variation.bias(cone())
    assert max(map(abs, (lean.tilt_down, lean.tilt_right, lean.top_bottom, lean.left_right))) < 1e-12


def test_tilt_against_least_squares():
    values = noise(12, 3)[:, :9]
    rows, cols = np.mgrid[:12, :9]
    design = np.stack([np.ones(values.size), rows.ravel(), cols.ravel()], 1)
    _, down, right = np.linalg.lstsq(design, values.ravel(), rcond=None)[0]
    lean = variation.bias(values)
    assert (lean.tilt_down, lean.tilt_right) == pytest.approx((100 * down, 100 * right))


# --- the lattice -----------------------------------------------------------------------------------


def planted(side, period, rms, seed=5):
    """A random function of (row mod period, col mod period) with mean 0 and the given rms."""
    tile = np.random.default_rng(seed).normal(size=(period, period))
    index = np.arange(side) % period
    values = tile[index][:, index]
    values = values - values.mean()
    return values * rms / np.sqrt(np.mean(values**2))


@pytest.mark.parametrize(("side", "period"), [(81, 8), (81, 32), (128, 32), (100, 16)])
def test_planted_lattice_is_recovered_with_its_rms(side, period):
    rows = np.linspace(-1, 1, side)
    smooth = 0.8 - 0.1 * rows[:, None] ** 2 + 0.05 * rows[None]
    values = smooth + planted(side, period, 0.01)
    found = variation.lattice(values, strides=[s for s in STRIDES if s <= period])
    # a part of the waves of 1 / period looks smooth on a map this small; nothing else is lost
    assert found.rms == pytest.approx(0.01, rel=0.05)
    assert found.share > 0.9
    assert found.share > found.high
    fine = variation.lattice(values + 1e-3 * noise(side, 1), strides=[s for s in STRIDES if s <= period])
    assert fine.rms == pytest.approx(0.01, rel=0.05)


def test_lattice_is_credited_to_its_own_stride():
    found = variation.lattice(0.5 + planted(96, 4, 0.02) + planted(96, 32, 0.0001), strides=STRIDES)
    whole = np.sqrt(sum(value**2 for value in found.by_stride.values()))
    assert whole == pytest.approx(found.rms)
    # a period of 4 has waves of 1/2 (shared with stride 2) and of 1/4
    assert np.hypot(found.by_stride[2], found.by_stride[4]) == pytest.approx(0.02, rel=0.02)
    assert max(found.by_stride[s] for s in (8, 16, 32)) < 2e-4


def test_lattice_on_a_coarser_grid():
    full = 0.5 + planted(161, 32, 0.01)
    found = variation.lattice(full[::4, ::4], strides=STRIDES, stride=4)
    # every fourth pixel: strides 2 and 4 can't be seen, 8 is every second position
    assert list(found.by_stride) == [8, 16, 32]
    assert found.rms == pytest.approx(np.std(full[::4, ::4]), rel=0.05)
    # steps of 3 px hit all 16 residues, one after another: the period is 16 positions
    odd = (0.5 + planted(161, 16, 0.01))[::3, ::3]
    assert variation.lattice(odd, strides=(16,), stride=3).rms == pytest.approx(np.std(odd), rel=0.05)


def test_white_noise_has_the_share_of_the_null():
    inside, shares = 0, []
    for seed in range(60):
        found = variation.lattice(0.5 + 0.01 * noise(81, seed), strides=STRIDES)
        inside += found.low <= found.share <= found.high
        shares.append(found.share)
    # dimensions by counting: 32^2 - 1 lattice functions; 4 x 4 products of polynomials are gone
    assert found.null == pytest.approx((32**2 - 1) / (81**2 - 16))
    # sd of a share is 0.0064, of the mean of 60 0.0008
    assert np.mean(shares) == pytest.approx(found.null, abs=0.002)
    assert inside >= 51  # 95 % of 60 is 57; P(below 51) = 0.001


def test_white_noise_stays_under_the_bound_of_each_stride():
    over = dict.fromkeys(STRIDES, 0)
    for seed in range(200):
        found = variation.lattice(0.5 + 0.01 * noise(81, seed), strides=STRIDES)
        for pixels, rms in found.by_stride.items():
            over[pixels] += rms > found.noise_by_stride[pixels]
    # 2.5 % of 200 is 5; P(more than 13) = 0.0004, P(0) = 0.006
    assert all(0 < count <= 13 for count in over.values())
    clear = variation.lattice(0.5 + planted(81, 8, 0.005) + 0.01 * noise(81, 1), strides=STRIDES)
    assert clear.by_stride[8] > 2 * clear.noise_by_stride[8] and clear.by_stride[32] < 1.1 * clear.noise_by_stride[32]


def test_smooth_map_has_next_to_no_lattice():
    side = np.linspace(-1, 1, 100)
    values = 0.9 - 0.2 * np.exp(-(side[:, None] ** 2 + side[None] ** 2))
    found = variation.lattice(values, strides=STRIDES)
    assert found.rms < 0.002 * 0.2
    assert variation.lattice(np.full((81, 81), 0.7), strides=STRIDES).share == 0


def test_spectrum_stands_out_at_the_stride_only():
    values = 0.8 * cone(100, 0.002) + planted(100, 16, 0.003) + 0.001 * noise(100, 2)
    found = variation.spectrum(values, periods=range(11, 21))
    ratio = dict(zip(found.periods.tolist(), found.ratio, strict=True))
    assert max(ratio, key=ratio.get) == 16
    assert ratio[16] > 5 * max(ratio[p] for p in (11, 13, 15, 17, 19))
    assert found.amplitude[5] == pytest.approx(0.003 * 100 / np.sqrt(16**2 - 1), rel=0.1)  # rms over all / per wave


def test_spectrum_of_white_noise_is_flat():
    found = [variation.spectrum(0.01 * noise(64, seed), periods=(7, 16)) for seed in range(20)]
    # 20 x 48 squares of period 7: their mean has a standard error of 0.045
    assert np.mean([each.ratio for each in found], 0) == pytest.approx([1, 1], abs=0.14)
    assert np.mean([each.amplitude for each in found], 0) == pytest.approx([0.01, 0.01], rel=0.07)


def test_spectrum_at_periods_that_are_no_multiples_of_the_stride():
    # 3 px apart, a period of 16 px comes back after 16 positions, one of 18 px after 6: what is smooth is
    # slower than the 16, whatever other period is asked for
    values = (0.5 + planted(161, 16, 0.01))[::3, ::3]
    alone, beside = (variation.spectrum(values, periods=periods, stride=3) for periods in ((16,), (16, 18)))
    assert beside.amplitude[0] == pytest.approx(alone.amplitude[0])


def test_spectrum_of_a_constant_map_has_nothing_in_it():
    found = variation.spectrum(np.full((64, 64), 0.7), periods=(7, 16))
    assert found.amplitude == pytest.approx([0, 0], abs=1e-12)
    assert found.ratio.tolist() == [0, 0]


def test_parts_add_up_and_are_orthogonal():
    rows, cols = np.mgrid[:75, :90]
    values = 0.6 + 0.001 * rows - 0.0005 * cols + 1e-5 * cols**2 + 0.01 * noise(90, 9)[:75]
    parts = variation.decompose(values, strides=STRIDES)
    pieces = [parts.tilt, parts.smooth, parts.lattice, parts.rest]
    np.testing.assert_allclose(parts.mean + sum(pieces), values, atol=1e-12)
    assert sum(size**2 for size in parts.rms().values()) == pytest.approx(values.var())
    for index, one in enumerate(pieces):
        for other in pieces[index + 1 :]:
            assert abs((one * other).mean()) < 1e-12
    assert parts.rms()["lattice"] == pytest.approx(variation.lattice(values, strides=STRIDES).rms)
    # the lattice part is a function of the residues: equal 32 px apart, up to the smooth functions' share
    shifted = parts.lattice[32:, :], parts.lattice[:-32, :]
    assert np.sqrt(np.mean((shifted[0] - shifted[1]) ** 2)) < 0.25 * variation.lattice(values, strides=STRIDES).rms


def test_strides_that_cannot_be_measured():
    with pytest.raises(ValueError, match="no two periods"):
        variation.lattice(np.zeros((30, 30)), strides=(16, 32))
    assert list(variation.lattice(noise(40, 0), strides=(4, 32)).by_stride) == [4]
    for oblong in (noise(40, 0)[:20], noise(40, 0)[:, :20]):  # two periods of 16 px on the longer side only
        assert list(variation.lattice(oblong, strides=(4, 16)).by_stride) == [4]
    with pytest.raises(ValueError, match="each dividing the next"):
        variation.lattice(np.zeros((81, 81)), strides=(4, 6))


# --- calibrated invariance -------------------------------------------------------------------------


def test_invariance_by_hand():
    apart = variation.calibrate([[[[1.0, 0.0], [1.0, 0.0]]], [[[0.0, 1.0], [0.0, 2.0]]]])
    assert apart.invariance.tolist() == [1, 1]
    # less like itself elsewhere (cosine 0 and 1/2) than like the other object in the same place (root 1/2)
    changing = variation.calibrate([[[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]], [[[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]]])
    half = np.sqrt(0.5)
    np.testing.assert_allclose(changing.invariance, [-half / (1 - half), (0.5 - half) / (1 - half)], atol=1e-15)
    with pytest.raises(ValueError, match="d = 1"):
        variation.calibrate(np.ones((2, 1, 2, 3)))


def test_calibrate_against_loops():
    features = np.random.default_rng(2).normal(size=(3, 2, 4, 5)) + 1
    blank = np.random.default_rng(3).normal(size=5)

    def cos(u, v):
        return u @ v / np.linalg.norm(u) / np.linalg.norm(v)

    for base in (None, blank):
        flat = (features - (0 if base is None else base)).reshape(3, 8, 5)
        found = variation.calibrate(features, blank=base)
        for n in range(3):
            same = np.mean([cos(flat[n, p], flat[n, q]) for p in range(8) for q in range(8) if p != q])
            different = np.mean([cos(flat[n, p], flat[m, p]) for m in range(3) if m != n for p in range(8)])
            assert found.same[n] == pytest.approx(same)
            assert found.different[n] == pytest.approx(different)
            assert found.invariance[n] == pytest.approx((same - different) / (1 - different))


def test_calibrated_ends_of_the_scale():
    generator = np.random.default_rng(4)
    objects = generator.normal(size=(5, 1, 1, 40))
    same_everywhere = np.broadcast_to(objects, (5, 3, 3, 40))
    np.testing.assert_allclose(variation.calibrate(same_everywhere).invariance, 1, atol=1e-12)
    # features of the position alone: objects can't be told apart
    with pytest.raises(ValueError, match="d = 1"):
        variation.calibrate(np.broadcast_to(generator.normal(size=(1, 3, 3, 40)), (5, 3, 3, 40)))
    # independent at every position and object: no better than another object. sd of a cosine 1/sqrt(400)
    nothing = variation.calibrate(generator.normal(size=(5, 6, 6, 400))).invariance
    assert abs(nothing.mean()) < 0.02


def test_blank_takes_out_what_all_frames_share():
    generator = np.random.default_rng(6)
    shared = 10 * generator.normal(size=60)
    features = shared + generator.normal(size=(4, 3, 3, 60))
    raw, cleaned = variation.calibrate(features), variation.calibrate(features, blank=shared)
    assert raw.same.min() > 0.95  # inflated: nothing of the object is the same over positions
    assert np.abs(cleaned.same).max() < 0.1
    assert abs(raw.invariance.mean()) < 0.1  # the calibration isn't fooled either way


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: variation.calibrate(np.ones((1, 2, 2, 3))), "one object"),
        (lambda: variation.calibrate(np.random.default_rng(0).normal(size=(2, 1, 1, 3))), "one position"),
        (lambda: variation.calibrate(np.zeros((2, 2, 2, 3))), r"object 0: a zero .* position \(0, 0\)"),
        (lambda: variation.calibrate([np.ones((3, 3, 2)), np.ones((1, 3, 2))]), r"object 1 has .*\(1, 3, 2\)"),
        (lambda: variation.calibrate([np.ones((3, 3, 2)), np.ones((3, 3, 4))]), r"object 0 \(3, 3, 2\)"),
        (lambda: variation.calibrate(np.ones((2, 3, 3, 2)), blank=np.ones(3)), r"blank has shape \(3,\).*\(2,\)"),
        (lambda: variation.calibrate(np.ones((2, 3, 3, 2)), blank=np.ones((3, 2))), "blank has shape"),
        (lambda: variation.drop(cone(), stride=0), "stride 0 must be"),
        (lambda: variation.total_variation(cone(), stride=0), "stride 0 must be"),
        (lambda: variation.bias(cone(), stride=-2), "stride -2 must be"),
        (lambda: variation.lattice(cone(), strides=(2,), stride=0), "stride 0 must be"),
        (lambda: variation.drop(np.ones((1, 1))), "one position"),
        (lambda: variation.total_variation(np.ones((1, 1))), "one position"),
        (lambda: variation.bias(np.ones((1, 9))), "two rows"),
        (lambda: variation.bias(np.ones(9)), "2-D"),
        (lambda: variation.lattice(np.array([[1.0, np.nan], [1.0, 1.0]]), strides=(2,)), "row 0, column 1"),
    ],
)
def test_degenerate_input_is_met_with_one_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()
