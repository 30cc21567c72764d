"""The table of claims: effects of maps worked out by hand, verdicts, the way through a record, the picture."""

import ast
import json
import math
from pathlib import Path

import numpy as np
import pytest

from helpers import records, similarity
from helpers.measures import claims, published, uncertainty
from helpers.measures.uncertainty import Interval
from helpers.views import plots

T3 = 4.302653  # 97.5 % quantile of Student's t with 2 degrees of freedom (tables)


def flat(*means: float, side: int = 9) -> np.ndarray:
    """Maps (5, side, side) that are constant, with these values."""
    return np.broadcast_to(np.array(means)[:, None, None], (5, side, side)).copy()


def ends(found: Interval) -> tuple:
    return pytest.approx((found.value, found.low, found.high), abs=1e-6)  # the quantile's six digits


# Effects


def test_change_and_anchors_by_hand() -> None:
    """Three objects, anchors tl, tr, c, bl, br."""
    maps = [flat(0.80, 0.70, 0.90, 0.60, 0.50), flat(0.78, 0.70, 0.92, 0.62, 0.48), flat(0.76, 0.70, 0.94, 0.58, 0.52)]
    found = claims.of_maps(maps, stride=1)
    assert set(found) == {"not invariant", "centre highest", "bottom right lowest"}
    assert all((each.objects, each.clusters) == (3, 3) for each in found.values())
    half = T3 * 0.0 / math.sqrt(3)  # each object's five means add up to 3.5
    assert (0.3, 0.3 - half, 0.3 + half) == ends(found["not invariant"])
    # the best corner is tl: 0.10, 0.14, 0.18, deviation 0.04
    half = T3 * 0.04 / math.sqrt(3)
    assert (0.14, 0.14 - half, 0.14 + half) == ends(found["centre highest"])
    # next to br is bl: 0.10, 0.14, 0.06, deviation 0.04
    assert (0.10, 0.10 - half, 0.10 + half) == ends(found["bottom right lowest"])


def test_a_sentence_about_four_corners_holds_only_for_each() -> None:
    """The nearest corner is 0.03 away and steady, another 0.05 on average and all over the place: it decides."""
    maps = [flat(0.87, 0.9 - gap, 0.9, 0.5, 0.5) for gap in (0.0, 0.05, 0.10)]
    found = claims.of_maps(maps, stride=1)["centre highest"]
    half = T3 * 0.05 / math.sqrt(3)
    assert (0.03, 0.05 - half, 0.03) == ends(found) and found.low < 0
    assert claims.table({"net": {"centre highest": found}}).query("effect > 0")["verdict"].tolist() == ["undecided"]


def test_categories_are_the_unit_where_they_are_given() -> None:
    maps = [flat(*[level] * 5) for level in (0.95, 0.9, 0.85, 0.7, 0.5)]
    found = claims.of_maps(maps, stride=1, clusters=["dog"] * 3 + ["cat", "bus"])["not invariant"]
    half = T3 * 0.2 / math.sqrt(3)
    assert (0.3, 0.3 - half, 0.3 + half) == ends(found) and (found.objects, found.clusters) == (5, 3)


def cones(slope: float, *, side: int = 9) -> np.ndarray:
    """Maps that fall from their anchors by ``slope`` at every ring."""
    every = []
    for row, col in similarity.anchors((side, side)).values():
        rows, cols = np.mgrid[:side, :side]
        every.append(1 - slope * np.maximum(abs(rows - row), abs(cols - col)))
    return np.stack(every)


def test_what_anti_aliasing_does_is_a_ratio_object_by_object() -> None:
    """A cone of half the slope changes half as much, over one position and over the frame."""
    plain = [cones(0.02 * size) for size in (1, 2, 3)]
    blurred = [cones(0.01 * size) for size in (1, 2, 3)]
    found = claims.of_maps(blurred, stride=4, twin=plain)
    for name in claims.TWINS:
        assert (2.0, 2.0, 2.0) == ends(found[name])
    shown = claims.table({"net, anti-aliased": found}).set_index("finding")["verdict"]
    assert shown["anti-aliasing, locally"] == "holds" and shown["anti-aliasing, globally"] == "does not hold"


def test_the_lattice_is_that_of_the_stride() -> None:
    """A wave of 16 px stands out at stride 16, and not at stride 32 nor where there is only noise."""
    rng = np.random.default_rng(0)
    wave = np.cos(2 * np.pi * np.arange(72) / 16)

    def maps(height: float) -> list[np.ndarray]:
        return [0.8 + height * (wave[:, None] + wave[None]) + 0.01 * rng.standard_normal((5, 72, 72)) for _ in range(4)]

    planted = claims.of_maps(maps(0.05), stride=1, strides=(2, 4, 8, 16))["lattice"]
    assert planted.low > 3
    assert claims.of_maps(maps(0.0), stride=1, strides=(2, 4, 8, 16))["lattice"].low < 1
    # A wave of 18 px, one of the two periods beside 16 px, is no lattice of 16 px, nearer to which it is than to 14 px.
    wave = np.cos(2 * np.pi * np.arange(72) / 18)
    assert claims.of_maps(maps(0.05), stride=1, strides=(2, 4, 8, 16))["lattice"].high < 1
    wave = np.cos(2 * np.pi * np.arange(72) / 16)
    assert "lattice" not in claims.of_maps(maps(0.05), stride=1, strides=(2, 4, 8, 16, 32, 64))  # not twice in 72 px
    wide = claims.of_maps(maps(0.05), stride=2, strides=(2, 4, 8, 16, 32))["lattice"]  # a period of 32 px, at 2 px
    assert wide.low > 3
    coarse = [each[:, :30, :30] for each in maps(0.05)]  # beside 24 px, 21 px would take 21 positions, 22 px take 11
    assert "lattice" in claims.of_maps(coarse, stride=2, strides=(12, 24))


def test_maps_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"5 maps, \(5, rows, columns\); got \(4, 9, 9\)"):
        claims.of_maps([flat(1, 1, 1, 1, 1)[:4]] * 2, stride=1)
    with pytest.raises(ValueError, match="not of the same objects"):
        claims.of_maps([cones(0.1)] * 2, stride=1, twin=[cones(0.1)] * 3)
    with pytest.raises(ValueError, match="at least two"):
        claims.of_maps([cones(0.1)], stride=1)


def test_means_alone_give_the_cautious_interval() -> None:
    anchors = similarity.ANCHORS
    mean = dict(zip(anchors, (0.80, 0.70, 0.90, 0.60, 0.50), strict=True))
    spread = dict(zip(anchors, (0.03, 0.03, 0.01, 0.05, 0.03), strict=True))
    found = claims.of_means(mean, spread, objects=3)
    wide = T3 / math.sqrt(3)
    assert (0.3, 0.3 - wide * 0.03, 0.3 + wide * 0.03) == ends(found["not invariant"])
    assert (0.10, 0.10 - wide * 0.04, 0.10 + wide * 0.04) == ends(found["centre highest"])
    assert (0.10, 0.10 - wide * 0.08, 0.10 + wide * 0.08) == ends(found["bottom right lowest"])
    before = {name: value - 0.3 for name, value in mean.items()}, dict.fromkeys(anchors, 0.06)
    ratio = claims.of_means(mean, spread, objects=3, twin=before)["anti-aliasing, globally"]
    half = wide * (0.03 / 0.3 + 0.06 / 0.6)
    assert (2.0, 2 * math.exp(-half), 2 * math.exp(half)) == ends(ratio)


def test_the_cautious_interval_holds_those_of_the_objects() -> None:
    """Whatever the correlation between anchors, the interval from the deviations alone is the wider one."""
    rng = np.random.default_rng(1)
    for shared in (0.0, 0.5, 1.0):
        means = 0.8 + 0.05 * (shared * rng.standard_normal((40, 1)) + (1 - shared) * rng.standard_normal((40, 5)))
        own = claims.of_maps([flat(*row) for row in means], stride=1)
        by = (dict(zip(similarity.ANCHORS, each, strict=True)) for each in (means.mean(0), means.std(0, ddof=1)))
        cautious = claims.of_means(*by, objects=40)
        for name, each in own.items():
            assert cautious[name].value == pytest.approx(each.value)
            assert cautious[name].low <= each.low + 1e-12 and cautious[name].high >= each.high - 1e-12, (name, shared)


def test_two_objects_give_an_interval_of_two_objects() -> None:
    """12.7062 standard errors to each side (tables, one degree of freedom)."""
    found = uncertainty.student([1.0, 2.0])
    assert (found.value, found.low, found.high) == pytest.approx((1.5, 1.5 - 6.3531, 1.5 + 6.3531), abs=1e-4)
    with pytest.raises(ValueError, match="of one category"):
        uncertainty.student([1.0, 2.0], clusters=["dog", "dog"])


# The table


def over(value: float, low: float, high: float, n: int = 8) -> Interval:
    return Interval(value, low, high, 0.95, n, n)


def test_verdicts_at_several_thresholds_and_of_cells_without_data() -> None:
    table = claims.table(
        {
            "net": {"not invariant": over(0.04, 0.03, 0.045), "position readable": over(0.3, 0.2, 0.4, n=2)},
            "net, anti-aliased": {"anti-aliasing, globally": over(1.02, 0.96, 1.08), "padding": over(0.8, 0.7, 0.9)},
        }
    ).set_index(["network", "finding"])
    assert len(table) == 2 * len(claims.FINDINGS)
    look = table[["verdict", "elsewhere"]].apply(tuple, axis=1)
    assert look["net", "not invariant"] == ("holds", "does not hold")  # above 0.02 and 0.01, below 0.05
    assert look["net", "position readable"] == ("undecided", "")  # two objects decide nothing
    assert look["net", "anti-aliasing, globally"] == ("not asked", "")
    assert look["net, anti-aliased", "anti-aliasing, globally"] == ("holds", "undecided")  # within 1.1, not 1.05
    assert look["net, anti-aliased", "padding"] == ("does not hold", "")
    assert look["net, anti-aliased", "lattice"] == ("no data", "")


def test_effects_come_back_out_of_a_record(tmp_path, capsys) -> None:
    effects = {"net": {"padding": over(1.8, 1.5, 2.1), "not invariant": over(0.3, 0.2, 0.4, n=2)}}
    made = records.Record("07_example", tmp_path, {})
    claims.keep(made, effects)
    made.claim("anti-aliasing/other", "No finding.", over(2.0, 1.5, 2.5), above=1, unit="times")
    made.check("x", 1.0, expected=1.0, tolerance=0.1, source="by hand")
    made.finish()
    assert capsys.readouterr().out.count("\n") == 1  # a table shows those of the table
    written = json.loads((tmp_path / "07_example.json").read_text(encoding="utf-8"))
    assert claims.kept([written, {}]) == effects
    assert [row["verdict"] for row in written["claims"]] == ["holds", "undecided", "holds"]
    assert written["claims"][0]["sentence"] == "net: without a border the change across the frame is smaller."


# The published study


def test_a_notebook_s_own_claim_is_a_finding_about_its_first_network() -> None:
    values = {f"advice/crop{end}": {"value": value} for end, value in (("", 3.0), ("/low", 2.5), ("/high", 4.0))}
    networks = [{"title": "EfficientNet-Lite0, off-the-shelf"}, {"title": "EfficientNet-Lite0, anti-aliased"}]
    record = {"claims": [{"claim": "advice/crop", "n": 8}], "values": values, "stamp": {"networks": networks}}
    found = claims.kept([record, {"claims": [{"claim": "advice/other", "n": 8}]}])
    assert list(found) == ["EfficientNet-Lite0"] and list(found["EfficientNet-Lite0"]) == ["cropped to the object"]
    effect = found["EfficientNet-Lite0"]["cropped to the object"]
    assert (effect.value, effect.low, effect.high, effect.objects) == (3.0, 2.5, 4.0, 8)
    small = [{"title": "demo ResNet, anti-aliased"}]
    assert list(claims.kept([{**record, "stamp": {"networks": small}}])) == ["embedded ResNet, anti-aliased"]


@pytest.mark.parametrize(
    "finding", [each for each in claims.FINDINGS.values() if each.claim], ids=lambda each: each.name
)
def test_a_notebook_makes_the_claim_by_the_same_rule(finding: claims.Finding) -> None:
    calls = []
    for path in sorted((Path(__file__).parents[1] / "notebooks").glob("[0-9]*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "claim":
                if isinstance(node.args[0], ast.Constant) and node.args[0].value == finding.claim:
                    calls.append({each.arg: each.value for each in node.keywords if each.arg})
    (call,) = calls
    above, below = finding.bounds[0]
    assert {word: ast.literal_eval(call[word]) for word in ("above", "below") if word in call} == {
        word: bound for word, bound in (("above", above), ("below", below)) if math.isfinite(bound)
    }
    assert ast.literal_eval(call["unit"]) == finding.unit


def test_what_the_published_means_say() -> None:
    """200 objects: the centre is the highest anchor; whether bottom right is the lowest, deviations leave open."""
    table = claims.table(published.effects({}, published.coco_means())).set_index(["finding", "network"])
    assert table.loc[("centre highest", "ResNet-50"), "effect"] == pytest.approx(0.027524, abs=1e-6)  # c - tl, typed
    decided = table[table["verdict"].isin(records.VERDICTS)]
    assert decided.groupby("finding").size().to_dict() == {
        "not invariant": 6, "centre highest": 6, "bottom right lowest": 6, "anti-aliasing, globally": 3
    }  # fmt: skip
    assert set(decided.loc["centre highest", "verdict"]) == {"holds"}
    assert decided.loc["bottom right lowest", "verdict"].value_counts().to_dict() == {"undecided": 5, "holds": 1}
    assert (decided.loc["bottom right lowest", "effect"] > 0).all() and set(decided["objects"]) == {200}
    assert (table.xs("VGG16", level="network")["verdict"] != "holds").all()


def test_two_published_objects_decide_nothing(shared) -> None:
    maps = published.find_maps()
    table = claims.table(published.effects(maps, published.coco_means())).set_index(["finding", "network"])
    two = table[table["objects"] == 2]
    assert set(two["verdict"]) == {"undecided"} and len(two) == 8 + 4 + 2 * 3 + 1
    # the berry's and the plane's drops at 1 px, centre, off-the-shelf over anti-aliased, geometric mean
    at = {key: maps[key] for key in maps if key.split("/")[0] in ("resnet50", "resnet50AA") and key.endswith("/c")}
    ratio = 1.0
    for thing in ("berry", "plane"):
        drops = []
        for name in ("resnet50", "resnet50AA"):
            values = at[f"{name}/fc/{thing}/c"].astype(float)
            row, col = (size // 2 for size in values.shape)
            around = values[row - 1 : row + 2, col - 1 : col + 2]
            drops.append(1 - (around.sum() - values[row, col]) / 8)
        ratio *= math.sqrt(drops[0] / drops[1])
    assert two.loc[("anti-aliasing, locally", "ResNet-50, anti-aliased"), "effect"] == pytest.approx(ratio, rel=1e-6)


# The picture


def test_the_picture_says_in_words_and_marks_what_its_colours_say() -> None:
    effects = {
        "A": {"not invariant": over(0.04, 0.03, 0.045), "padding": over(0.8, 0.7, 0.9), "size": over(1.1, 0.9, 527.0)},
        "B, anti-aliased": {"lattice": over(-0.2, -0.3, -0.1)},
    }
    figure = plots.claims(claims.table(effects))
    figure.canvas.draw()
    said = [text.get_text() for text in figure.axes[0].texts]
    assert {"\N{CHECK MARK} 0.040*", "\N{BALLOT X} 0.8", "? 1.1", "0.9 to 527", "\N{BALLOT X} \N{MINUS SIGN}0.2"} <= {
        *said
    }
    assert said.count("n = 8") == 4 and said.count("\N{EN DASH}") == 2
    assert said.count("no data") == 2 * len(claims.FINDINGS) - 4 - 2
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    width, height = figure.canvas.get_width_height()
    assert all(box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height for box in boxes)


def test_the_heads_of_the_picture_stand_apart() -> None:
    names = [
        "EfficientNet-Lite1",
        "EfficientNet-Lite2, anti-aliased",
        "embedded MobileNetV2",
        "embedded ResNet, anti-aliased",
    ]
    figure = plots.claims(claims.table({name: {"size": over(2.0, 1.5, 3.0)} for name in names}))
    figure.canvas.draw()
    heads = {text.get_text().replace("\n", " "): text for text in figure.axes[0].texts[: len(names)]}
    assert [head.replace("- L", "-L") for head in heads] == [name.replace(",", "") for name in names]
    boxes = [text.get_window_extent() for text in heads.values()]
    assert all(left.x1 < right.x0 for left, right in zip(boxes, boxes[1:], strict=False))
    assert all(box.y1 <= figure.canvas.get_width_height()[1] for box in boxes)
