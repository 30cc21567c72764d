# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 5. Local, global, lattice: where does the change live?
#
# **The question.** Features change when the object moves. Do they change *because of one pixel*, *because of
# the distance*, or *because of the grid* on which the network samples the frame? And which of the three does
# anti-aliasing act on?
#
# The paper shows similarity maps with fine texture, slow slopes and a preferred direction (its Figures 2 to 4)
# and describes them in words. Here they are taken apart and measured, over many objects, with intervals. The
# measures are ours.
#
# **Before you go on, predict.** A network halves its maps five times, so it looks at the frame through a grid
# of 32 pixels. If an object moves by exactly 32 pixels, the network sees it *in the same way* again. So: will
# similarity come back at 32 pixels? How much of all the change is that grid? And if anti-aliasing removes the
# grid, how much of the change is left?
#
# *Takes about two and a half minutes on one CPU core.*

# %% tags=["parameters"]
network: str = "efficientnet_lite0"  # name, of networks.load: efficientnet_lite1, alexnet, resnet50, demo_resnet, ...
weights: str = "default"  # name, the usual ones; of an embedded network also "centre" or "uniform"
layer: str = "pool"  # name, the layer that is measured: pool, fc, block1 to block7; AlexNet has fc6, fc7, fc8
object_names: list = ["motorcycle", "espresso", "cat", "cameraman", "shuttle", "temple", "officer", "dahlia"]  # names
object_size: int = 75  # px, side of the objects; 75 is the paper's small size
stride: int = 8  # px, between neighbouring positions; the first object is looked at twice as finely
walk_count: int = 10  # count, random walks of each object, over which the change with distance is measured
seed: int = 0  # integer, of all random numbers
device: str = "auto"  # name, cpu, cuda or auto
out: str = "../runs/lab"  # folder, where figures and numbers go

# %% [markdown]
# ## Set-up
#
# Two networks take part. **EfficientNet-Lite0** is a network for phones, trained on ImageNet and used here *off the
# shelf*; it is none of the paper's four. Its **anti-aliased twin** was made by this project: a blur before each stride
# but the first, then training on other photographs until it agrees with the original (self-distillation). It is not
# one of Zhang's networks, and it does not always give the original's answer: how often it does is said below.

# %%
import math

import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown, display

from helpers import features, networks, objects, records, runtime, shifting, similarity
from helpers.views import panels, plots

runtime.seed(seed)
categories = [name.partition("#")[0] for name in object_names]  # "cup#0" and "cup#1" are two of one category
if len(set(categories)) < 2:
    raise ValueError(f"object_names {object_names}: intervals are over objects of different categories, give two or more")
given = {"network": network, "weights": weights, "layer": layer, "object_names": object_names}
given |= {"object_size": object_size, "stride": stride, "walk_count": walk_count, "seed": seed}
plain = networks.load(network, weights=weights)
smooth = networks.load(network, antialiased=True, weights=weights)
both = {"off-the-shelf": plain, "anti-aliased": smooth}
finer = 2 if stride % 2 == 0 else 1
fine = stride // finer
record = records.Record("05_local_global_lattice", out, given, [plain, smooth], device=device)
pd.Series(runtime.stamp(weights=plain.weights)["packages"], name="version").to_frame().T

# %%
display(Markdown("\n".join(f"- *{kind}*: {each.weights}" for kind, each in both.items())))

# %% [markdown]
# ## One object
#
# The objects, cut out of photographs, at the centre of the frame (one of each category). The maps below are over all
# positions of one object, the first; everything with an interval is over all of them.

# %%
scenes = [shifting.Paste(objects.load(name, object_size), frame=plain.frame) for name in object_names]
centre = torch.tensor([[(side - 1) // 2 for side in scenes[0].grid]])
firsts = [scenes[categories.index(category)] for category in dict.fromkeys(categories)]
shown = torch.cat([scene.render(centre) for scene in firsts])
figure = plots.frames(shown, titles=[scene.name for scene in firsts], columns=min(len(firsts), 4))
record.save_figure(figure, "objects")
figure

# %% [markdown]
# ## Method
#
# The map $s(p)$ of cosines with the centre is split into parts that are orthogonal to each other, so that
# their mean squares add up to the map's variance:
#
# $$ s(p) = \bar s + \text{tilt}(p) + \text{smooth}(p) + \text{lattice}(p) + \text{rest}(p) $$
#
# - **tilt**: the best plane. **smooth**: the best polynomial surface beyond it, too slow to follow the grid.
# - **lattice**: the best function of $(row \bmod S,\; column \bmod S)$, with $S$ the network's largest stride:
#   all that repeats every $S$ pixels, or every $S/2$, $S/4$, ...
# - **rest**: what is left.
#
# One call: `variation.decompose(map, strides=network.strides, stride=stride)`.

# %%
from helpers.measures import uncertainty, variation

grid = scenes[0].grid
distances = [distance for distance in (1, 2, 4, 8, 16, 32) if distance <= min(grid) // 2]
coarse = [len(places) for places in shifting.positions(grid, stride)]
variation.lattice(np.zeros(coarse), strides=plain.strides, stride=stride)  # a map too small for its grid is refused now, not later
display(Markdown(
    f"The cumulative strides of {plain.title} are **{', '.join(map(str, plain.strides))} px**: the object's place "
    f"relative to the grid of the last map repeats every {plain.strides[-1]} px. Of that grid, positions {stride} px apart "
    f"meet {plain.strides[-1] // math.gcd(plain.strides[-1], stride)} of the {plain.strides[-1]} phases in each direction, "
    f"those of the first object, {fine} px apart, {plain.strides[-1] // math.gcd(plain.strides[-1], fine)}. A stride of the "
    "network up to the distance of the positions looks the same from all of them, and cannot be seen."
))  # fmt: skip

# %% [markdown]
# ## Run
#
# The first object at the fine stride, for the pictures; every object at the coarse one; and `walk_count` random
# *walks* per object, which start anywhere and go 1, 2, 4, ... pixels along the row and the column, up to 32 or half
# of what the frame leaves room for.

# %%
closely = {kind: features.extract(each, scenes[0], [layer], stride=fine, device=device) for kind, each in both.items()}
found = {
    kind: [closely[kind].layers[layer][::finer, ::finer]]
    + [
        features.extract(each, scene, [layer], stride=stride, device=device, progress=False).layers[layer]
        for scene in scenes[1:]
    ]
    for kind, each in both.items()
}
walks = variation.walks(scenes[0].grid, distances, count=walk_count, seed=seed)
places = torch.from_numpy(walks.reshape(-1, 2))
drops = {
    kind: [
        variation.drop_along(
            features.of_frames(each, scene.render(places), [layer], device=device)[layer].unflatten(0, walks.shape[:2]),
            distances,
        )
        for scene in scenes
    ]
    for kind, each in both.items()
}

# %% [markdown]
# ## Results
#
# ### One map taken apart
#
# The map of the first object, in the finer steps. Each column of parts has one colour scale for both networks; lattice
# and rest share theirs.

# %%
maps = {kind: similarity.cosine_map(each.layers[layer], "c").numpy() for kind, each in closely.items()}
pieces = {kind: variation.decompose(each, strides=plain.strides, stride=fine) for kind, each in maps.items()}
rows = {
    kind: (maps[kind], {"smooth and tilt": p.tilt + p.smooth, "lattice": p.lattice, "rest": p.rest})
    for kind, p in pieces.items()
}
figure = plots.parts(rows, stride=fine, label=f"cosine with the centre, {layer}")
record.save_figure(figure, "parts")
figure

# %%
sizes = pd.DataFrame({kind: each.rms() for kind, each in pieces.items()})
grids = {kind: variation.lattice(each, strides=plain.strides, stride=fine) for kind, each in maps.items()}
for kind, grid in grids.items():
    record.value(f"one object/lattice rms/{kind}", grid.rms, unit="cosine")
    record.value(f"one object/lattice share/{kind}", grid.share, unit="fraction")
off, on = grids.values()
record.value("one object/lattice share/white noise, 97.5 % quantile", off.high, unit="fraction")
stands = "so this is a grid" if off.share > off.high else "so no grid stands out in this map"
display(sizes.style.format("{:.4f}").set_caption(f"root mean square of each part, {scenes[0].name}, {layer}"))
display(Markdown(
    f"**Reading.** Off the shelf, the grid moves the cosine by {off.rms:.4f} (rms), the smooth part by "
    f"{sizes.loc['smooth', 'off-the-shelf']:.4f}. Once the smooth part is gone, the grid is {off.share:.0%} of the "
    f"power that is left; white noise would give {off.null:.0%} (95 % of the time {off.low:.1%} to {off.high:.1%}), "
    f"{stands}. Anti-aliased it is {on.rms:.4f}, {on.share:.0%} of what is left. The share says that there is a grid; "
    "only the rms says how large it is: when everything fine shrinks together, the share need not fall. A line in the "
    "lattice that returns in *rest* with the opposite sign is a ghost: one edge, fitted as if it repeated. So where "
    "there are such lines, the grid is, if anything, smaller."
))  # fmt: skip

# %% [markdown]
# Which of the strides is it? What each adds to the lattice, beside what white noise of the same power stays under
# in 97.5 % of cases:

# %%
table = pd.DataFrame({
    (kind, name): series
    for kind, grid in grids.items()
    for name, series in (("rms", grid.by_stride), ("white noise under", grid.noise_by_stride))
}).rename_axis("stride (px)")
display(table.style.format("{:.4f}"))
for kind, grid in grids.items():
    for pixels, rms in grid.by_stride.items():
        record.value(f"one object/lattice rms at {pixels} px/{kind}", rms, unit="cosine")
clear = {
    kind: ", ".join(str(pixels) for pixels, rms in grid.by_stride.items() if rms > grid.noise_by_stride[pixels])
    for kind, grid in grids.items()
}
left = {pixels: on.by_stride[pixels] / rms for pixels, rms in off.by_stride.items() if rms > 0}
stays = max(left, key=left.get)
display(Markdown(
    f"**Reading.** Above the noise: off the shelf {clear['off-the-shelf'] or 'none'} (px), anti-aliased "
    f"{clear['anti-aliased'] or 'none'}. Anti-aliasing leaves most at {stays} px: {left[stays]:.0%} of what it was."
))  # fmt: skip

# %% [markdown]
# ### Is it really the stride?
#
# White noise is a low bar: a map with one sharp peak has power at every period. So every period is measured on
# its own, also those that are no stride of the network. The strides should stand out from their neighbours.
# (Multiples and fractions of a stride stand out, too: what repeats every 4 px also repeats every 12.) What truly
# repeats adds up over the repeats, so it stands higher the larger the map; only white noise keeps its height.

# %%
room = min(maps["off-the-shelf"].shape)  # positions; a period is measured where two of it fit
periods = [period for period in range(2 * fine, 41, fine) if 2 * period // fine <= room]
spectra = {kind: variation.spectrum(each, periods=periods, stride=fine) for kind, each in maps.items()}
figure = plots.spectrum(periods, {kind: each.amplitude for kind, each in spectra.items()}, strides=plain.strides)
record.save_figure(figure, "spectrum")
figure

# %%
above = {}
for s in (s for s in plain.strides if s in periods and len(periods) > 1):
    beside = [periods.index(period) for period in (s - fine, s + fine) if period in periods]
    above[s] = [float(each.amplitude[periods.index(s)] / each.amplitude[beside].mean()) for each in spectra.values()]
text = f"no stride of the network is a multiple of {fine} px, so none can be tested. Set stride to 8."
if above:
    display(pd.DataFrame(above, index=list(both)).rename_axis("stride (px)", axis=1).style.format("{:.1f}"))
    largest = max(above, key=lambda s: above[s][0])
    peak, after = (record.value(f"one object/largest stride peak over its neighbours/{kind}", value, unit="times")
                   for kind, value in zip(both, above[largest], strict=True))  # fmt: skip
    text = (
        "strength at each stride over the mean of the periods beside it (the shortest has one on one side only); 1 "
        f"means that the stride is nothing special. Off the shelf it is clearest at **{largest} px**, {peak:.1f} times "
        f"its neighbours; anti-aliased {after:.1f} times. "
    ) + ("This is the network's own grid, seen in its features." if peak > 1 else "No stride stands out.")
display(Markdown(f"**Reading.** {text[0].upper()}{text[1:]}"))

# %% [markdown]
# ### Where the variance lives, over objects
#
# The same split for every object, as root mean squares in units of the cosine. Dots are means over objects,
# lines 95 % intervals: a bootstrap with 1,000 draws that takes categories first and objects within them after.
# (At this coarser stride the finest grids can't be seen: the lattice is that of the strides longer than `stride`.)

# %%
flat = {kind: [similarity.cosine_map(each, "c").numpy() for each in every] for kind, every in found.items()}
split = {kind: [variation.decompose(each, strides=plain.strides, stride=stride) for each in every] for kind, every in flat.items()}
parts = {kind: pd.DataFrame([each.rms() for each in every]) for kind, every in split.items()}
lines = {
    kind: {part: uncertainty.interval(table[part], clusters=categories, seed=seed) for part in table}
    for kind, table in parts.items()
}
figure = plots.intervals(lines, label="root mean square (cosine)", zero=0)
record.save_figure(figure, "variance")
figure

# %%
for kind, series in lines.items():
    for part, value in series.items():
        record.statistic(f"rms/{part}/{kind}", value.value, n=len(scenes), unit="cosine")
shares = {kind: table.pow(2).mean() / table.pow(2).mean().sum() for kind, table in parts.items()}
slow = {kind: share["tilt"] + share["smooth"] for kind, share in shares.items()}
display(Markdown(
    f"**Reading.** Off the shelf, {slow['off-the-shelf']:.0%} of a map's variance is slow (tilt and smooth) and "
    f"{shares['off-the-shelf']['lattice']:.0%} is the grid. Anti-aliased: {slow['anti-aliased']:.0%} and "
    f"{shares['anti-aliased']['lattice']:.0%}; its grid is {lines['anti-aliased']['lattice']} against "
    f"{lines['off-the-shelf']['lattice']}."
))  # fmt: skip

# %% [markdown]
# ### How fast do features change?
#
# $1 - s$ between positions some pixels apart, from everywhere (not only from the centre), with intervals. Both
# axes are logarithmic.

# %%
falls = {
    kind: [uncertainty.interval([each[d] for each in every], clusters=categories, seed=seed) for d in distances]
    for kind, every in drops.items()
}
figure = plots.falls(distances, falls, label=f"1 − cosine, {layer}")
record.save_figure(figure, "falls")
figure

# %%
for kind, points in falls.items():
    for distance, value in zip(distances, points, strict=True):
        record.statistic(f"drop/{distance} px/{kind}", value.value, n=len(scenes), unit="1 - cosine")
far, half = distances[-1], distances[-2]
steps = {kind: points[0].value / points[-1].value for kind, points in falls.items()}
back = {kind: points[-1].value / points[-2].value for kind, points in falls.items()}
display(Markdown(
    f"**Reading.** Off the shelf, one single pixel costs {falls['off-the-shelf'][0]} (1 − cosine), which is "
    f"{steps['off-the-shelf']:.0%} of what {far} pixels cost; anti-aliased {falls['anti-aliased'][0]}, or "
    f"{steps['anti-aliased']:.0%}. A shift of {far} px costs {back['off-the-shelf']:.2f} times as much as one of "
    f"{half} px (anti-aliased {back['anti-aliased']:.2f} times): below 1, the grid is back in its place and similarity "
    "with it; above 1, what grows with distance outweighs the grid."
))  # fmt: skip

# %%
one, two = falls["anti-aliased"][:2]
single = pd.Series([each[1] for each in drops["anti-aliased"]], index=object_names).sort_values(ascending=False)
first = next(part for part in smooth.module.modules() if isinstance(part, torch.nn.Conv2d)).stride[0]
text = "Anti-aliased, one pixel costs no more than two."
if one.value > two.value:
    text = f"Anti-aliased, one pixel still costs more than two ({one} against {two})"
    text += f": the first convolution keeps its stride of {first} unblurred" if first > 1 else ""
    text += ". Few objects make it so: " + ", ".join(f"{name} {value:.4f}" for name, value in single[:3].items())
    text += f", where half of all objects have {single.median():.4f} or less. A stride shows most on thin lines."
display(Markdown(text))

# %% [markdown]
# The same in a single number is the **total variation** of a map, the mean step between neighbouring positions. The
# slow part of a map alone (tilt and smooth) has one, too; what the whole map has above it is up and down.

# %%
texture = {kind: [variation.total_variation(each, stride=stride) for each in every] for kind, every in flat.items()}
slopes = {
    kind: [variation.total_variation(each.tilt + each.smooth, stride=stride) for each in every]
    for kind, every in split.items()
}
steps = {
    kind: {
        "whole map": uncertainty.interval(texture[kind], clusters=categories, seed=seed),
        "slow part alone": uncertainty.interval(slopes[kind], clusters=categories, seed=seed),
    }
    for kind in both
}
display(pd.DataFrame(steps).rename_axis(f"cosine per px, steps of {stride} px").astype(str))
for kind, pair in steps.items():
    for name, value in pair.items():
        record.statistic(f"total variation/{name}/{kind}", value.value, n=len(scenes), unit="cosine/px")
more = {kind: pair["whole map"].value / pair["slow part alone"].value for kind, pair in steps.items()}
display(Markdown(
    f"**Reading.** Off the shelf, the map goes up and down {more['off-the-shelf']:.1f} times as much as its slow part "
    f"needs; anti-aliased {more['anti-aliased']:.1f} times. 1 would be a map without texture."
))  # fmt: skip

# %% [markdown]
# ### Which way does it lean?
#
# The tilt of the plane through each map and the difference between its halves. White frames have no up or
# down of their own. One dot per object; diamonds are means with their 95 % intervals (clustered as above). Negative:
# similarity is higher above, or to the left. (Each map is cut to the window that is symmetric about its anchor, or
# falling away from it would look like a lean.)

# %%
words = {"tilt_down": "tilt down\n(per 100 px)", "tilt_right": "tilt right\n(per 100 px)"}
words |= {"top_bottom": "lower − upper half", "left_right": "right − left half"}
tall, wide = (2 * ((side - 1) // 2) + 1 for side in coarse)
leans = {kind: [variation.bias(each[:tall, :wide], stride=stride) for each in every] for kind, every in flat.items()}
table = pd.DataFrame([
    {"direction": text, "kind": kind, "value": getattr(lean, field), "category": category}
    for kind, every in leans.items()
    for lean, category in zip(every, categories, strict=True)
    for field, text in words.items()
])  # fmt: skip
figure = plots.biases(table)
record.save_figure(figure, "biases")
figure

# %%
lean = {
    (kind, field): uncertainty.interval([getattr(each, field) for each in every], clusters=categories, seed=seed)
    for kind, every in leans.items() for field in words
}  # fmt: skip
for (kind, field), value in lean.items():
    record.statistic(f"bias/{field}/{kind}", value.value, n=len(scenes), unit="cosine")
sure = [f"{kind}, {words[field].split(chr(10))[0]} {value}" for (kind, field), value in lean.items()
        if value.excludes_zero]  # fmt: skip
tilts = np.array([each.tilt_down for each in leans["off-the-shelf"]])
display(Markdown(
    f"**Reading.** Intervals that exclude zero: {'; '.join(sure) if sure else 'none'}. {len(lean)} intervals are read "
    f"at once, and {0.05 * len(lean):.1f} of them would exclude zero by chance alone; tilt and halves measure one lean "
    f"in two ways, so they go together. Objects differ: off the shelf the tilt down is {tilts.mean():+.3f} on average "
    f"with a standard deviation of {tilts.std(ddof=1):.3f} between them. That is their own shape, and only what is "
    "left over many objects is the network's."
))  # fmt: skip

# %% [markdown]
# ### What is a cosine of 0.8 worth?
#
# All features share something, whatever the frame shows, so raw cosines are high. Calibrate: let $s$ be the
# mean cosine of an object with itself at all other positions, $d$ that of *different* objects at the same
# position:
#
# $$ I = \frac{s - d}{1 - d} $$
#
# 1 is invariant, 0 means that the object elsewhere is no more like itself than another object is. The second
# half of the lines first subtracts the features of the blank frame. Drawn is what is missing to 1.

# %%
white = torch.full((1, 3, *scenes[0].frame), 255, dtype=torch.uint8)
blank = {kind: features.of_frames(each, white, [layer], device=device) for kind, each in both.items()}
calibrated = {
    (kind, way): variation.calibrate(every, blank=blank[kind][layer][0] if way == "blank subtracted" else None)
    for kind, every in found.items()
    for way in ("as they are", "blank subtracted")
}
scale, missing = {kind: {} for kind in both}, {kind: {} for kind in both}
for (kind, way), each in calibrated.items():
    for field, symbol in (("same", "s"), ("different", "d"), ("invariance", "I")):
        scale[kind][f"{symbol}, {way}"] = uncertainty.interval(getattr(each, field), clusters=categories, seed=seed)
        missing[kind][f"1 − {symbol}, {way}"] = uncertainty.interval(1 - getattr(each, field), clusters=categories, seed=seed)
        mean = scale[kind][f"{symbol}, {way}"].value
        record.statistic(f"{field}/{way}/{kind}", mean, n=len(scenes), unit="cosine")
figure = plots.intervals(missing, label="what is missing to 1", log=True)
record.save_figure(figure, "calibrated")
figure

# %%
raw, clean = scale["off-the-shelf"], scale["anti-aliased"]
display(Markdown(
    f"**Reading.** Off the shelf an object is {raw['s, as they are']} similar to itself elsewhere, and "
    f"{raw['d, as they are']} similar to other objects in its place. So the scale does not start at 0, and the "
    f"invariance is {raw['I, as they are']}; anti-aliased, {clean['I, as they are']}. Without the blank frame's "
    f"features: {raw['I, blank subtracted']} and {clean['I, blank subtracted']}."
))  # fmt: skip

# %% [markdown]
# ### The answer: what anti-aliasing acts on
#
# How many times smaller each kind of change is in the anti-aliased network than in its twin, object by object
# (geometric mean). Right of the line: smaller with anti-aliasing.

# %%
pairs = {f"drop at {d} px": [[each[d] for each in every] for every in drops.values()] for d in distances}
pairs |= {f"{part} (rms)": [each[part] for each in parts.values()] for part in ("lattice", "rest", "smooth", "tilt")}
pairs["total variation"] = list(texture.values())
pairs["global: 1 − I"] = [1 - calibrated[kind, "as they are"].invariance for kind in both]
gains = {name: uncertainty.ratio(*pair, clusters=categories, seed=seed) for name, pair in pairs.items()}
figure = plots.intervals({"off-the-shelf / anti-aliased": gains}, label="times smaller with anti-aliasing", zero=1, log=True)
record.save_figure(figure, "answer")
figure

# %%
for name, gain in gains.items():
    record.statistic(f"gain/{name}", gain.value, n=len(scenes), unit="times")
    record.statistic(f"gain/{name}/low", gain.low, n=len(scenes), unit="times")
    record.statistic(f"gain/{name}/high", gain.high, n=len(scenes), unit="times")
change = {kind: calibrated[kind, "as they are"].invariance for kind in both}
more = uncertainty.paired(change["anti-aliased"], change["off-the-shelf"], clusters=categories, seed=seed)
grid, bend, whole = (gains[name] for name in ("lattice (rms)", "smooth (rms)", "global: 1 − I"))
display(Markdown(
    "**The surprise, and the answer.** Anti-aliasing makes the change over one pixel "
    f"{gains['drop at 1 px'].times_smaller()}, the grid {grid.times_smaller()} and the smooth part "
    f"{bend.times_smaller(digits=2)}. Over {far} px the change becomes {gains[f'drop at {far} px'].times_smaller(digits=2)}. Over "
    f"the whole frame 1 − I becomes {whole.times_smaller()}: calibrated invariance changes by {more.value:+.3f} "
    f"({more.low:+.3f} to {more.high:+.3f}). An interval that spans 1 leaves open whether anything changed. Of the variance "
    f"that is left in a map, {slow['anti-aliased']:.0%} is tilt and smooth, and {shares['anti-aliased']['lattice']:.0%} the "
    f"grid; off the shelf they are {slow['off-the-shelf']:.0%} and {shares['off-the-shelf']['lattice']:.0%}."
))  # fmt: skip

# %% [markdown]
# ## Checks
#
# The parts are orthogonal, a lattice that is planted is found and white noise is not taken for one, cosines are
# cosines, and an invariant network would have I = 1.

# %%
variances = {kind: each.astype(float).var() for kind, each in maps.items()}
squares = max(abs(sum(x**2 for x in p.rms().values()) / variances[kind] - 1) for kind, p in pieces.items())
record.check("mean squares add up to the variance, relative", squares, expected=0, tolerance=1e-6, source="orthogonal parts; float64 rounding")
middle = [each[similarity.anchors(each.shape)["c"]] for each in maps.values()]
record.check("self-similarity, largest |s - 1|", max(abs(s - 1) for s in middle), expected=0, tolerance=1e-5, source="definition; float32")
largest = max(float(np.abs(each).max()) for every in flat.values() for each in every)
record.check_below("largest |cosine|", largest, bound=1 + 1e-5, source="Cauchy-Schwarz; float32 rounding")
best = max(float(each.invariance.max()) for each in calibrated.values())
record.check_below("largest calibrated invariance", best, bound=1 + 1e-6, source="s is at most 1")
generator, shape = np.random.default_rng(seed), maps["off-the-shelf"].shape
noise = variation.lattice(generator.normal(size=shape), strides=plain.strides, stride=fine)
four = 4 * (noise.high - noise.low) / 3.92  # a 95 % interval is 3.92 standard deviations wide
record.check("lattice share of white noise", noise.share, expected=noise.null, tolerance=four, source="the null, Beta; four standard deviations")
tile = generator.normal(size=(max(off.by_stride),) * 2)
rows, cols = (np.arange(side) * fine % len(tile) for side in shape)
planted = tile[rows][:, cols] - tile[rows][:, cols].mean()
slope = pieces["off-the-shelf"].mean + pieces["off-the-shelf"].tilt + pieces["off-the-shelf"].smooth
again = variation.lattice(slope + planted, strides=plain.strides, stride=fine).rms / planted.std()
record.check_above("planted lattice, found / planted rms", again, bound=0.6, source="by construction; some of it looks smooth")
record.check_above("drop at 1 px, off-the-shelf / anti-aliased", gains["drop at 1 px"].value, bound=1, source="Zhang 2019")
record.finish()

# %% [markdown]
# ## What this does not show
#
# - That a part is *caused* by what it is named after. The lattice is what repeats with the strides, and the ghosts of
#   single edges; the smooth part may be the border's padding, the training positions, or both: notebook 6 changes them.
# - Anything about categories that are not in the list: the intervals are over objects and categories like
#   these. With few categories they are approximate, a little narrow.
# - The network's short strides, in the maps: positions `stride` px apart look the same to them. The walks, which start
#   anywhere and take single pixels, do feel them.
# - What the blur does and what the training after it does, apart: the twin was trained a little more than the original.
#   `network = "demo_resnet"`, with `weights = "uniform"`, `layer = "fc"`, `stride = 4` and embedded objects of 48 px
#   (`"cup#0"` and `"cup#1"` are two of one category), has two networks trained alike.
# - Change along the other coordinates (size, rotation, light).
# - What the change does to the *answer*: that is notebook 4. Features may change in directions that the
#   classifier ignores.
# - White noise is the weakest null; the spectrum is the better evidence.
#
# ## Explore
#
# Put the anchor anywhere: the grid moves with it, the smooth part much less.

# %%

panel = panels.SimilarityPanel(list(closely.values()))
panel

# %% [markdown]
# ## References and next
#
# - J. Lee, J. Yang, Z. Wang. What Does CNN Shift Invariance Look Like? A Visualization Study. ECCV 2020
#   workshops.
# - R. Zhang. Making Convolutional Networks Shift-Invariant Again. ICML 2019.
# - A. Azulay, Y. Weiss. Why do deep convolutional networks generalize so poorly to small image
#   transformations? JMLR 2019.
#
# Next: anti-aliasing leaves the slow part. What causes it? [Notebook 6](06_causes.ipynb) changes one thing at a
# time.
