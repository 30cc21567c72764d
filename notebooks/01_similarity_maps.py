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
# # 1. How much do the features change when the object moves?
#
# **The question.** A network answers "airplane" wherever the airplane is. Are the *features* behind that
# answer the same everywhere, too?
#
# This notebook repeats the first experiment of Lee, Yang and Wang (2020): an object is shifted to every
# position of a white frame, and the features at each position are compared with those at five anchors
# (their Figures 2 to 4).
#
# **Before you go on, predict.** Convolutions move with the object, and the network was trained to give the
# same label. So: will the map be flat? If it is not flat, will similarity fall evenly with distance? And
# will *anti-aliasing*, which was invented to make networks shift-invariant, make the map flat?
#
# *Takes about half a minute on two CPU cores with the embedded networks.*

# %% tags=["parameters"]
network: str = "demo_alexnet"  # name, of networks.load: alexnet, vgg16, resnet50, mobilenet_v2, demo_...
weights: str = "default"  # name, "default" are the paper's, or the embedded networks' own
layer: str = "fc7"  # name, the layer on show: fc6, fc7, fc8, fc, pool
object_name: str = "airplane"  # name, an embedded object, "berry", or the path of a PNG with alpha
object_size: int = 48  # px, side of the object
stride: int = 2  # px, between neighbouring positions
seed: int = 0  # integer, of all random numbers
device: str = "auto"  # name, cpu, cuda or auto
out: str = "../runs/lab"  # folder, where figures and numbers go

# %% [markdown]
# ## Set-up

# %%
import pandas as pd
from IPython.display import Markdown, display

from helpers import features, networks, objects, records, runtime, shifting, similarity
from helpers.measures import published
from helpers.views import panels, plots

runtime.seed(seed)
given = {"network": network, "weights": weights, "layer": layer, "object_name": object_name}
given |= {"object_size": object_size, "stride": stride, "seed": seed}
plain = networks.load(network, weights=weights)
smooth = networks.load(network, antialiased=True, weights=weights)
record = records.Record("01_similarity_maps", out, given, [plain, smooth], device=device)
pd.Series(runtime.stamp(weights=plain.weights)["packages"], name="version").to_frame().T

# %% [markdown]
# ## One object
#
# The object is cut out of its photo and pasted onto white. A *position* is the place of its top left corner,
# (row, column) in pixels. Here it is at the five **anchors**: the four corners and the centre.

# %%
scene = shifting.Paste(objects.load(object_name, object_size), frame=plain.frame)
grid_rows, grid_cols = shifting.positions(scene.grid, stride)
grid = len(grid_rows), len(grid_cols)
if min(grid) < 3:
    raise ValueError(
        f"object_size {object_size} px at stride {stride} px leaves {grid[0]} x {grid[1]} positions in a frame of "
        f"{plain.frame} px, and a map needs at least 3 x 3: take a smaller object or a smaller stride"
    )
marks = list(similarity.anchors(grid).values())
anchors = {name: (int(grid_rows[i]), int(grid_cols[j])) for name, (i, j) in similarity.anchors(grid).items()}
figure = plots.frames(scene.render(list(anchors.values())), titles=[f"{name}  {at}" for name, at in anchors.items()])
record.save_figure(figure, "anchors")
display(Markdown(
    f"**{scene.name}** has {scene.grid[0]} x {scene.grid[1]} positions in this frame; at a stride of {stride} px, "
    f"{grid[0]} x {grid[1]} of them are looked at."
))  # fmt: skip
figure

# %% [markdown]
# ## Method
#
# Two positions $p$ and $q$ are compared by the **cosine similarity** of their feature vectors $f$:
#
# $$ s(p, q) = \frac{f(p) \cdot f(q)}{\lVert f(p) \rVert \, \lVert f(q) \rVert} $$
#
# It is 1 where the features point in the same direction, whatever their length. One cosine by hand first: the
# object at the centre, and moved by one pixel and by half the way to the top left corner.

# %%
half_way = marks[2][0] // 2, marks[2][1] // 2  # on the grid, so that the map has this cosine, too
row, col = anchors["c"]
places = [(row, col), (row, col + 1), (int(grid_rows[half_way[0]]), int(grid_cols[half_way[1]]))]
found = features.of_frames(plain, scene.render(places), [layer], device=device)[layer]
here, near, far = found
by_hand = [float(here @ other / (here.norm() * other.norm())) for other in (near, far)]
display(Markdown(
    f"The same object, the same network, {len(here)} numbers at layer `{layer}`: moved by **one pixel** the "
    f"cosine is **{by_hand[0]:.4f}**; moved **half-way to the corner** it is **{by_hand[1]:.4f}**."
))  # fmt: skip

# %% [markdown]
# A **similarity map** is that number for every position $p$ with the anchor $q$ held fixed. One call gives the
# features of all positions and another the five maps.
#
# ## Run

# %%
both = [features.extract(each, scene, stride=stride, device=device) for each in (plain, smooth)]
maps = [similarity.cosine_maps(each.layers[layer]) for each in both]
shape = " x ".join(str(size) for size in both[0].layers[layer].shape)
display(Markdown(f"Features of layer `{layer}`: {shape} (rows x columns x dimensions), for two networks."))

# %% [markdown]
# ## Results
#
# ### The maps
#
# Top: off-the-shelf. Bottom: its anti-aliased twin. All ten share one colour range, so equal colours are equal
# similarities. The circle marks the anchor.

# %%
kinds = ["off-the-shelf", "anti-aliased"]
figure = plots.heatmaps(maps, rows=kinds, columns=list(similarity.ANCHORS), stride=stride, label=f"cosine similarity, {layer}", marks=marks)
record.save_figure(figure, "maps")
figure

# %%
lowest = [float(each.min()) for each in maps]
flat = "Not flat" if min(lowest) < 0.99 else "All but flat"
display(Markdown(
    f"**Reading.** {flat}: away from its anchor the similarity falls to {lowest[0]:.2f} (off-the-shelf) and "
    f"{lowest[1]:.2f} (anti-aliased), and each anchor has a map of its own. A network that were "
    "shift-invariant would show ten uniform squares of value 1."
))  # fmt: skip

# %% [markdown]
# ### What anti-aliasing changes
#
# The same maps, anti-aliased minus off-the-shelf. Red: more similar to the anchor with anti-aliasing.

# %%
change = maps[1] - maps[0]
figure = plots.heatmaps(
    [change], rows=["difference"], columns=list(similarity.ANCHORS), stride=stride, label="anti-aliased − off-the-shelf", difference=True,
    marks=marks,
)  # fmt: skip
record.save_figure(figure, "difference")
figure

# %% [markdown]
# ### How similar on average
#
# The mean of each map is the paper's summary: the mean similarity of all positions with one anchor.

# %%
table = pd.DataFrame([each.mean((1, 2)).tolist() for each in maps], kinds, list(similarity.ANCHORS))
for kind, line in table.iterrows():
    for anchor, value in line.items():
        record.value(f"mean_cosine/{layer}/{kind}/{anchor}", value, unit="cosine")
gain = table.loc["anti-aliased"] - table.loc["off-the-shelf"]
display(table.style.format("{:.3f}").set_caption(f"mean cosine similarity, {plain.name}, {layer}, {scene.name}"))
display(Markdown(
    f"**Reading.** Seen from the centre, positions are {table.loc['off-the-shelf', 'c']:.3f} similar on average; "
    f"the best corner gives {table.loc['off-the-shelf'].drop('c').max():.3f}. Anti-aliasing changes the centre's "
    f"mean by {gain['c']:+.3f} and the corners' by {gain.drop('c').min():+.3f} to {gain.drop('c').max():+.3f}."
))  # fmt: skip

# %% [markdown]
# The paper's own means over its COCO objects, where it has this network or one of its family. The *patch* is the
# square that an object fills in the paper's frames.

# %%
relative = {"demo_resnet": "resnet50"}.get(network, network.removeprefix("demo_"))
paper = published.coco_means().query("network == @relative")
paper = paper.replace({"small": "75 of 224 px", "large": "125 of 224 px", "antialiased": "anti-aliased"})
theirs = paper.pivot_table("mean_cosine", ["layer", "patch", "variant"], "anchor", sort=False)
theirs = theirs.reindex(columns=list(similarity.ANCHORS))
if len(theirs):
    display(theirs.style.format("{:.3f}").set_caption(f"mean cosine similarity, {relative}, over the paper's objects"))
highest = [(each == each.max())["c"] for _, each in theirs.iterrows()]
here = [(each == each.max())["c"] for _, each in table.iterrows()]
other = "other objects" if relative == network else "another network and other objects"
display(Markdown(
    f"**Reading.** Of the five anchors, the centre has the highest mean in {sum(highest)} of the paper's "
    f"{len(highest)} rows, and in {sum(here)} of our {len(here)}. Theirs are of {other}: they are shown for comparison "
    "and not checked (notebook 7 does that where the published networks are at hand)."
    if len(theirs) else f"**Reading.** The paper has no means of {network}."
))  # fmt: skip

# %% [markdown]
# ### Which way does it lean?
#
# The mean over each row and each column of the centre's map, as far as it reaches equally to both sides of the
# anchor. A symmetric network would give curves that are the same read from either end.

# %%
window = [slice(2 * at + 1) for at in marks[2]]  # an even grid has one more row and column after the anchor
lines = {kind: similarity.profiles(each[2][*window]) for kind, each in zip(kinds, maps, strict=True)}
figure = plots.profiles(lines, stride=stride, label=f"mean cosine with the centre, {layer}")
record.save_figure(figure, "bias")
figure

# %%
lean = {kind: (rows[0] - rows[-1], cols[0] - cols[-1]) for kind, (rows, cols) in lines.items()}
for kind, (vertical, horizontal) in lean.items():
    record.value(f"bias/top-bottom/{kind}", vertical, unit="cosine")
    record.value(f"bias/left-right/{kind}", horizontal, unit="cosine")
vertical, horizontal = lean["off-the-shelf"]
display(Markdown(
    f"**Reading.** For the off-the-shelf network the top row is {abs(vertical):.3f} "
    f"{'more' if vertical > 0 else 'less'} similar to the centre than the bottom row, and the left column "
    f"{abs(horizontal):.3f} {'more' if horizontal > 0 else 'less'} than the right one: the frame has no top or "
    "left of its own, so this is a bias of the network (and of the object's shape inside its square)."
))  # fmt: skip

# %% [markdown]
# ### How fast does it fall?

# %%
curves = {kind: similarity.by_distance(each[2], "c", stride=stride) for kind, each in zip(kinds, maps, strict=True)}
figure = plots.distances(curves, label=f"cosine with the centre, {layer}")
record.save_figure(figure, "distance")
figure

# %%
ends = {kind: (1 - mean[1], 1 - mean[-1]) for kind, (_, mean, _) in curves.items()}
for kind, (first, last) in ends.items():
    record.value(f"drop/{stride} px/{kind}", first, unit="1 - cosine")
    record.value(f"drop/border/{kind}", last, unit="1 - cosine")
(first, last), (first_smooth, last_smooth) = ends.values()
verdict = "less" if last_smooth < last else "no less"
smaller = f"{first / first_smooth:.1f} times smaller" if 0 < first_smooth < first else "no smaller"
steadies = "steadies" if first_smooth < first else "does not even steady"
carry = "does not make them invariant across the frame: they carry where the object is"
display(Markdown(
    f"**The surprise, and the answer.** At {stride} px anti-aliasing makes the change {smaller}: {first:.4f} becomes "
    f"{first_smooth:.4f}. At the border the features have changed {verdict} with it than without: {last:.3f} "
    f"off-the-shelf, {last_smooth:.3f} anti-aliased. Here it {steadies} features against *small* shifts; "
    f"{'it ' + carry if last_smooth > 0.01 else 'across the frame they hardly change'}."
))  # fmt: skip

# %% [markdown]
# ## Checks
#
# Invariants that hold for every network: a position is similar to itself with cosine 1, no cosine leaves
# [-1, 1], and the cosine computed by hand above is the one in the map.

# %%
worst = max(abs(float(each[i][at]) - 1) for each in maps for i, at in enumerate(marks))
record.check("self-similarity, largest |s - 1|", worst, 0, 1e-5, "definition; float32 rounding")
largest = max(float(each.abs().max()) for each in maps)
record.check_below("largest |cosine|", largest, 1 + 1e-5, "Cauchy-Schwarz; float32 rounding")
mirrored = [float(each[0][marks[4]] - each[4][marks[0]]) for each in maps]
record.check("s(tl, br) - s(br, tl)", max(map(abs, mirrored)), 0, 1e-5, "symmetry of the cosine")
in_map = float(maps[0][2][half_way])
record.check("half-way to the corner, by hand", by_hand[1], in_map, 1e-5, "the map; float32 rounding")
for name in [each for each in ("fc6", "fc7") if each in both[0].layers]:
    negative = float(both[0].layers[name].min())  # 0 if it were read after its ReLU
    record.check_below(f"smallest feature of {name}", negative, -1e-3, "read before its ReLU")
record.finish()

# %% [markdown]
# ## What this does not show
#
# - One object and one pair of networks: notebook 5 adds objects, intervals and a calibrated scale (what does a
#   cosine of 0.8 mean, when *different* objects reach 0.7?).
# - A high cosine is not invariance of the *answer*; notebook 4 looks at that.
# - The object always lies fully inside the frame, on plain white. Notebook 6 changes the background, the
#   boundary and the padding.
# - The embedded networks are small. The causes are the same; the sizes of the effects need not be.
#
# ## Explore
#
# Put the anchor anywhere, move the object, choose network, layer and object. What you see first is the default
# view; the second network and the second object are there at every third position only.

# %%
name = "demo_alexnet" if network == "demo_resnet" else "demo_resnet"
pair = [networks.load(name, antialiased=smoothed) for smoothed in (False, True)]
size = max(8, round(object_size * pair[0].frame / plain.frame))  # as large a part of that network's frame
another = "airplane" if scene.name == "umbrella" else "umbrella"
shown = list(both)
for nets, thing, side in (
    ((plain, smooth), another, object_size), (pair, object_name, size), (pair, another, size)
):  # fmt: skip
    place = shifting.Paste(objects.load(thing, side), frame=nets[0].frame)
    shown += [features.extract(net, place, stride=3 * stride, device=device) for net in nets]

# %%
panel = panels.SimilarityPanel(shown)
panel.layer = layer
panel

# %% [markdown]
# ## References and next
#
# - J. Lee, J. Yang, Z. Wang. What Does CNN Shift Invariance Look Like? A Visualization Study. ECCV 2020
#   workshops.
# - R. Zhang. Making Convolutional Networks Shift-Invariant Again. ICML 2019.
#
# Next: if the features carry the position, can it be read from them? That is
# [notebook 2](02_position_probe.ipynb).
