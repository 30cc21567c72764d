# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     notebook_metadata_filter: kernelspec,jupytext,-jupytext.text_representation.jupytext_version,-jupytext.text_representation.format_version
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
# **The question.** A cup of espresso is a cup of espresso wherever it stands in the picture. A network turns the
# picture into a list of numbers, its <abbr title="the numbers that a layer of the network computes from one picture;
# here, unless you change it, the 1,280 that the classifier works with">features</abbr>. Are those the same wherever
# the cup stands?
#
# This is the first experiment of Lee, Yang and Wang (2020; their Figures 2 to 4): an object is moved over a white
# frame, and its features at each position are compared with those at five fixed ones.
#
# *The core takes ten minutes to read and about a minute to run on one CPU core; the part for sceptics is folded.*

# %% tags=["parameters"]
network: str = "efficientnet_lite0"  # name, of networks.load: alexnet, vgg16, resnet50, mobilenet_v2, demo_resnet, ...
weights: str = "default"  # name, the usual ones; of an embedded network (demo_...) also "uniform"
layer: str = "pool"  # name, the layer on show: pool, fc, block1 to block7; AlexNet has fc6, fc7, fc8
object_name: str = "espresso"  # name, a photographed or embedded object, "berry", or the path of a PNG with alpha
others: list = ["cat", "motorcycle", "cameraman", "shuttle", "temple", "officer", "dahlia", "rocket"]  # names, further objects
object_size: int = 75  # px, side of the object; 75 are the paper's small objects
stride: int = 4  # px, between neighbouring positions
seed: int = 0  # integer, of all random numbers
device: str = "auto"  # name, cpu, cuda or auto
out: str = "../runs/lab"  # folder, where figures and numbers go

# %% [markdown]
# ## Set-up
#
# Two networks take part. **EfficientNet-Lite0** is a small network for phones, trained on the photographs of ImageNet
# and used *off the shelf*, that is, as it was published. Its **twin** is the same network made *anti-aliased*: it
# blurs its activations a little before each step at which it drops pixels (Zhang 2019). The twin is this project's own
# work, trained until it mostly agrees with the original; how often it does stands in the folded table.

# %%
import json

import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown, display

from helpers import features, networks, objects, records, runtime, shifting, similarity
from helpers.measures import published, uncertainty, variation
from helpers.networks.embedded import store
from helpers.views import panels, plots

runtime.seed(seed)
given = {"network": network, "weights": weights, "layer": layer, "object_name": object_name, "others": others}
given |= {"object_size": object_size, "stride": stride, "seed": seed}
plain = networks.load(network, weights=weights)
smooth = networks.load(network, antialiased=True, weights=weights)
record = records.Record("01_similarity_maps", out, given, [plain, smooth], device=device)

# %%
versions = pd.Series(runtime.stamp(weights=plain.weights)["packages"], name="version").to_frame().T
file = store.FOLDER / f"{network}_aa.safetensors"  # of a twin made by this project
validation = json.loads(store.read(file)[1].get("validation", "{}")) if file.is_file() else {}
columns = {"frames": "pictures", "same_answer": "the original's answer", "in_top_five": "or in the twin's top five"}
agreement = pd.DataFrame(validation).T.reindex(columns=list(columns)).rename(columns=columns)
panels.Folded("Versions, and the share of new pictures to which the twin gives the original's answer", versions, agreement)

# %% [markdown]
# ## One object
#
# The cup is cut out of its photograph and pasted onto white. Its *position* is where its top left corner is, (row,
# column) in pixels. Five positions are special. They are the **anchors**: the positions that all others are compared
# with. Their short names are tl (top left), tr (top right), c (centre), bl (bottom left) and br (bottom right).

# %%
cutout = objects.load(object_name, object_size)
scene = shifting.Paste(cutout, frame=plain.frame)
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
figure

# %% [markdown]
# ### Predict, then look
#
# A <abbr title="the layer type these networks are built of: the same small filter applied at every place of the
# picture">convolution</abbr> moves its output along with the object, and averaging over the picture forgets the place.
# So perhaps nothing changes at all. On the other hand, the network drops pixels in steps, and a picture has a border.
# What do you expect? A similarity of 1 means "the same", and 0 means "nothing in common".

# %%
guess = panels.Guess({
    "The cup moves by one pixel. How similar are its features to those before?": ["1.000", "0.99", "0.95", "0.80"],
    "To which anchor are the other positions most similar?": ["a corner", "the centre", "no difference"],
    "How many times smaller does anti-aliasing make the change over one pixel?": ["1", "2", "5", "10"],
    "And how many times smaller the change across the whole frame?": ["1", "1.2", "2", "10"],
})  # fmt: skip
guess

# %% [markdown]
# ## Method
#
# Two positions $p$ and $q$ are compared by the **cosine similarity** of their features $f$:
#
# $$ s(p, q) = \frac{f(p) \cdot f(q)}{\lVert f(p) \rVert \, \lVert f(q) \rVert} $$
#
# It is 1 where the two lists of numbers are proportional, whatever their length. First by hand, without any helper:
# the cup in the centre, one pixel beside it, and half-way to the top left corner.

# %%
half_way = marks[2][0] // 2, marks[2][1] // 2  # on the grid, so that the map has this cosine, too
row, col = anchors["c"]
places = [(row, col), (row, col + 1), (int(grid_rows[half_way[0]]), int(grid_cols[half_way[1]]))]
here, near, far = features.of_frames(plain, scene.render(places), [layer], device=device)[layer]
by_hand = [float(here @ other / (here.norm() * other.norm())) for other in (near, far)]
display(Markdown(
    f"Moved by **one pixel**, the cup is {by_hand[0]:.4f} similar to itself; moved **half-way to the corner**, "
    f"{by_hand[1]:.4f}."
))  # fmt: skip

# %% [markdown]
# A **similarity map** is that number for every position $p$ while the anchor $q$ stays. One call gives the features
# of all positions, and another the maps of the five anchors.
#
# ## Run

# %%
both = [features.extract(each, scene, stride=stride, device=device) for each in (plain, smooth)]
maps = [similarity.cosine_maps(each.layers[layer]) for each in both]
kinds = ["off-the-shelf", "anti-aliased"]

# %% [markdown]
# And the same, at fewer positions, for more objects: one cup proves nothing about cups, let alone about objects. Each
# further object comes from a photograph of its own. `wide` holds the maps of 7 x 7 positions from border to border.
# `steps` holds the change, $1 - s$, that a step makes on average, from a few random positions: a step of one pixel, of
# the network's largest stride, and of a little less than that.

# %%
axes = [torch.from_numpy(np.linspace(0, side - 1, 7).astype(int)) for side in scene.grid]
spread_out, count, largest = torch.cartesian_prod(*axes), 6, max(plain.strides)
lengths = [1, largest - largest // 8, largest]  # px
walks = torch.from_numpy(variation.walks(scene.grid, lengths, count=count, seed=seed))
wide, steps = {kind: [] for kind in kinds}, {kind: [] for kind in kinds}
for name in [object_name, *others]:
    each = shifting.Paste(objects.load(name, object_size), frame=plain.frame)
    frames = each.render(torch.cat([spread_out, walks.reshape(-1, 2)]))
    for kind, net in zip(kinds, (plain, smooth), strict=True):
        found = features.of_frames(net, frames, [layer], device=device)[layer]
        wide[kind].append(similarity.cosine_maps(found[: len(spread_out)].view(7, 7, -1)).numpy())
        walked = found[len(spread_out) :].view(count, walks.shape[1], -1)
        steps[kind].append(list(variation.drop_along(walked, lengths).values()))
wide, steps = ({kind: np.array(each[kind]) for kind in kinds} for each in (wide, steps))

# %% [markdown]
# ## Results
#
# ### The maps of one cup
#
# The upper row is the network off the shelf, the lower row its anti-aliased twin; the circle marks the anchor. All ten
# maps share one range of colours, so equal colours are equal similarities. A network to which the place means nothing
# would show ten uniform squares. Look for three things: a regular pattern of light and dark lines, the edges of the
# map, and slow changes from one side to the other.

# %%
figure = plots.heatmaps(maps, rows=kinds, columns=list(similarity.ANCHORS), stride=stride, label=f"cosine similarity, {layer}", marks=marks)
record.save_figure(figure, "maps")
figure

# %%
lowest = [record.value(f"lowest cosine/{kind}", float(each.min()), unit="cosine") for kind, each in zip(kinds, maps, strict=True)]
display(Markdown(
    f"**Reading.** A uniform square would be 1 everywhere. Here the similarity falls to {lowest[0]:.2f} off the shelf and "
    f"to {lowest[1]:.2f} anti-aliased. The largest step at which this network drops pixels is {max(plain.strides)} px."
))  # fmt: skip

# %% [markdown]
# Three things make the pattern.
#
# - *The lattice.* Lines repeat at regular distances, because the network drops pixels at regular distances, its
#   **strides**. Moved by the largest of them, the object meets the same grid again; moved by less, it falls between the
#   grid's points. The blur before each stride is meant against this.
# - *The bright edges.* In the map of a corner, the two edges of the map that meet at the anchor are brighter than what
#   lies just inside. At all those positions the object touches the same side of the frame as it does at the anchor. What
#   lies beyond that side is filled up before each convolution, with zeros (**padding**), and so these positions share
#   something that the interior has not.
# - *Slow changes.* The similarity changes from one side of a map to the other, and each anchor has its own map.

# %% [markdown]
# ### How far from the anchor?
#
# The centre's map once more, averaged over all positions at the same distance from the centre. The band is the
# standard deviation within a distance. Watch the whole strides of the network: 16, 32, 48 and 64 px.

# %%
window = [slice(2 * at + 1) for at in marks[2]]  # an even grid has one more row and column after the anchor
curves = {kind: similarity.by_distance(each[2][*window], "c", stride=stride) for kind, each in zip(kinds, maps, strict=True)}
figure = plots.distances(curves, label=f"cosine with the centre, {layer}")
record.save_figure(figure, "distance")
figure

# %% [markdown]
# **Reading.** If distance alone decided, the curves would only fall. Where one rises again at a whole stride, the object
# lies on the network's grid as it did at the anchor. At the right end it reaches the border of the frame.

# %% [markdown]
# ### Is it only this cup?
#
# The mean of a map says how similar all positions are to its anchor. Here it is for the cup and the further objects.
# A dot is the mean over the objects, and the line its 95% **interval**: how far off that mean may be, given how much the
# objects differ (Student's t, which is made for few objects). The object is the unit, not the position: a
# thousand positions of one cup are still one cup.

# %%
names, titles = list(similarity.ANCHORS), [object_name, *others]
means = {kind: wide[kind].mean((2, 3)) for kind in kinds}  # (objects, anchors)
by_anchor = {
    kind: {anchor: uncertainty.student(means[kind][:, i]) for i, anchor in enumerate(names)} for kind in kinds
}
for kind in kinds:
    for anchor, each in by_anchor[kind].items():
        record.statistic(f"mean over objects/{kind}/{anchor}", each.value, n=each.objects, unit="cosine")
figure = plots.intervals(by_anchor, label=f"mean cosine with the anchor, {layer}, {len(titles)} objects")
record.save_figure(figure, "objects")
figure

# %% [markdown]
# Now to the sentences. Each is judged by a rule, which stands beside it. It *holds* where the whole interval obeys the
# rule, it *does not hold* where the whole interval breaks it, and it is *undecided* where the interval does both.

# %%
off, smoothed = (means[kind] for kind in kinds)
corners = [i for i, anchor in enumerate(names) if anchor != "c"]
over = {"over": "photographs", "source": "paper, section 4.1"}
record.claim(
    "not invariant", "Across the frame the features change: on average over all anchors by more than 0.02.",
    uncertainty.student(1 - off.mean(1)), above=0.02, unit="1 - cosine", **over,
)  # fmt: skip
record.claim(
    "centre highest", "The other positions are more similar to the centre than to any corner.",
    uncertainty.student(off[:, 2] - off[:, corners].max(1)), above=0, unit="cosine", **over,
)  # fmt: skip
record.claim(
    "bottom right lowest", "They are least similar to the bottom right corner.",
    uncertainty.student(off[:, corners[:3]].min(1) - off[:, 4]), above=0, unit="cosine",
    over="photographs", source="the authors' table of means",
)  # fmt: skip

# %%
seen, beside = wide[kinds[0]][:, corners], [0, -1, 0, -1]  # from the corners; the column of the edge at each
edges, inside = (
    np.mean([seen[:, i, :, at + (further if at == 0 else -further)] for i, at in enumerate(beside)], axis=(0, 2)) for further in (0, 1)
)
record.claim(
    "bright edges", "Seen from a corner, objects at the same side of the frame are more similar than objects one place further in.",
    uncertainty.paired(edges, inside, by=uncertainty.student), above=0, unit="cosine", over="photographs",
)  # fmt: skip
record.claim(
    "lattice", "A step of the largest stride changes the features less than a step that is an eighth shorter.",
    uncertainty.ratio(steps[kinds[0]][:, 1], steps[kinds[0]][:, 2], by=uncertainty.student), above=1, unit="times less", over="photographs",
)  # fmt: skip

# %% [markdown]
# The claims about the centre and the bottom right are the paper's. It finds both for its four networks (AlexNet,
# VGG16, ResNet-50, MobileNetV2); the table of all networks is in [notebook 9](09_published_study.ipynb).
#
# ### What does anti-aliasing change?
#
# First for the cup: the anti-aliased maps minus the others. Red means more similar to the anchor with anti-aliasing.

# %%
change = maps[1] - maps[0]
figure = plots.heatmaps(
    [change], rows=["difference"], columns=names, stride=stride, label="anti-aliased − off-the-shelf", difference=True, marks=marks,
)  # fmt: skip
record.save_figure(figure, "difference")
figure

# %% [markdown]
# Then for all objects. Three questions are asked apart, because they have different answers: a step of one pixel, for
# which anti-aliasing was invented; the whole frame, seen from all anchors; and the frame as the corners see it.

# %%
gains = np.array([steps[kinds[0]][:, 0] / steps[kinds[1]][:, 0], (1 - off.mean(1)) / (1 - smoothed.mean(1))])
seen_from = np.array([(1 - off[:, i].mean(1)) / (1 - smoothed[:, i].mean(1)) for i in ([2], corners)])
local, globally = (uncertainty.ratio(each, np.ones_like(each), by=uncertainty.student) for each in gains)
times = {"above": 1, "over": "photographs"}
record.claim("gain/one pixel", "Anti-aliasing makes the change over one pixel smaller.", local, unit="times smaller", **times)
record.claim("gain/frame", "It makes the change across the frame smaller, too.", globally, unit="times smaller", **times)
record.claim(
    "gain/local over global", "It gains more over one pixel than across the frame.",
    uncertainty.ratio(*gains, by=uncertainty.student), unit="times more", **times,
)  # fmt: skip
record.claim(
    "gain/centre over corners", "Across the frame it gains more seen from the centre than seen from the corners.",
    uncertainty.ratio(*seen_from, by=uncertainty.student), unit="times more", **times,
)  # fmt: skip
record.claim(
    "gain/corners", "Seen from the corners it leaves the mean similarity as it is, within 0.02.",
    uncertainty.paired(smoothed[:, corners].mean(1), off[:, corners].mean(1), by=uncertainty.student),
    above=-0.02, below=0.02, unit="cosine", **over,
)  # fmt: skip

# %% [markdown]
# **The tension with the paper.** The paper says that anti-aliasing steadies small shifts and does not make a network
# shift invariant: its large maps look much the same with it and without it. Both are right, and neither is the whole.
# For the network and the objects that this notebook starts with, it helps most against a step of one pixel; it helps
# across the frame, too, but less; and least as the corners see the frame, where the border takes part. The intervals
# above say how sure that is. [Notebook 5](05_local_global_lattice.ipynb) measures it at more distances.
#
# ### Your guess beside it

# %%
best = max(names, key=lambda anchor: by_anchor[kinds[0]][anchor].value)
guess.beside(
    f"{by_hand[0]:.4f}", f"{best}: {by_anchor[kinds[0]][best].value:.3f} on average", local.times_smaller(digits=2), globally.times_smaller(digits=2)
)

# %% [markdown]
# ## Exercises
#
# **1.** Put an anchor where you like and find the *other* positions that resemble it most. By how many pixels are they
# away from it, and what does that remind you of?
#
# <details><summary>A solution</summary>
#
# ```python
# anchor = len(grid_rows) // 3, len(grid_cols) // 3
# mine = similarity.cosine_map(both[0].layers[layer], anchor).clone()
# mine[anchor] = -1  # not the anchor itself
# for place in mine.flatten().topk(6).indices.tolist():
#     i, j = divmod(place, mine.shape[1])
#     print((i - anchor[0]) * stride, (j - anchor[1]) * stride, f"{float(mine[i, j]):.4f}")
# ```
#
# Many of them are 32 px away in one direction or the other, the network's largest stride: the object meets the grid as
# it did at the anchor. Two neighbours at 4 px may be as close, simply because they are near.
#
# </details>
#
# **2.** A map may lean to one side because the *network* treats left and right differently, or because the *object* does:
# a cup has its handle on one side. Find out which by mirroring the cup.
#
# <details><summary>A solution</summary>
#
# ```python
# import dataclasses
#
# mirrored = shifting.Paste(dataclasses.replace(cutout, rgba=cutout.rgba.flip(-1)), frame=plain.frame)
# leans = []
# for each in (scene, mirrored):
#     found = features.of_frames(plain, each.render(spread_out), [layer], device=device)[layer]
#     centre_map = similarity.cosine_map(found.view(7, 7, -1), "c")
#     leans.append(float(centre_map[:, :3].mean() - centre_map[:, -3:].mean()))
# print(f"left - right: {leans[0]:+.4f}, mirrored {leans[1]:+.4f}")
# print(f"stays: {(leans[0] + leans[1]) / 2:+.4f}, turns with the cup: {(leans[0] - leans[1]) / 2:+.4f}")
# ```
#
# What turns with the cup is the cup's; what stays is the network's. One object
# says little about a network: the part for sceptics asks all of them.
#
# </details>
#
# ## Explore
#
# Put the anchor anywhere, move the object, choose layer and object. The second object is there at a few positions only.
# (`make page` writes the same for a browser, without a kernel: `figures/explorer.html`, with more objects and networks.)

# %%
another = shifting.Paste(objects.load(others[0], object_size), frame=plain.frame)
shown = both + [features.extract(net, another, stride=9 * stride, device=device) for net in (plain, smooth)]

# %%
panel = panels.SimilarityPanel(shown)
panel.layer = layer
panel

# %% [markdown]
# ## What this does not show
#
# - Whether a cosine of 0.95 is much or little. Different objects may be as similar as that; notebook 5 has a scale.
# - Whether the *answer* changes: a classifier can give the same answer to different features. Notebook 4 looks at that.
# - Where the change comes from. That the border and the strides are to blame is made likely here, and tested in
#   notebook 7, which takes the padding away.
# - Objects that are cut off, or on anything but white.
# - The maps show every fourth pixel, so the network's first strides, 2 and 4 px, cannot be seen in them. `stride = 1`
#   shows them, in sixteen times the time.
# - The twin was trained a little more than the original. What the blur does and what that training does are not told
#   apart here; notebook 7 has networks trained alike with it and without it.
# - EfficientNet-Lite0 is none of the paper's four networks. `network = "mobilenet_v2"` is the nearest of them; its weights
#   are downloaded once. "Off-the-shelf" is said of the small networks of this workbook, too (`demo_...`): without the blur.

# %% [markdown] jp-MarkdownHeadingCollapsed=true
# ## For sceptics
#
# Controls and checks. In JupyterLab the arrow beside the heading opens them.

# %% [markdown]
# ### Does the network lean, or the object?
#
# The mean over each row and each column of the centre's map, as far as it reaches equally to both sides of the anchor.
# Without a lean the curves are the same read from either end.

# %%
lines = {kind: similarity.profiles(each[2][*window]) for kind, each in zip(kinds, maps, strict=True)}
figure = plots.profiles(lines, stride=stride, label=f"mean cosine with the centre, {layer}")
record.save_figure(figure, "bias")
figure

# %% [markdown]
# The curves are of one object, which has a shape of its own. A lean that objects share is the network's, and that is
# what an interval over objects tells.

# %%
centre = wide[kinds[0]][:, 2]  # (objects, 7, 7)
lean = centre[:, :3].mean((1, 2)) - centre[:, -3:].mean((1, 2)), centre[:, :, :3].mean((1, 2)) - centre[:, :, -3:].mean((1, 2))
top, left = (uncertainty.student(each) for each in lean)
record.claim("lean/top", "The upper half is more similar to the centre than the lower half.", top, above=0, unit="cosine", over="photographs")
record.claim("lean/left", "The left half is more similar to the centre than the right half.", left, above=0, unit="cosine", over="photographs")

# %% [markdown]
# ### The cup's own means, and the paper's
#
# The mean of each of the ten maps, for the layer on show and for the scores of the classes, which is where the paper
# reads ResNet-50 and MobileNetV2. Behind it are the paper's means over its 200 objects, for this network or its nearest
# relative (EfficientNet-Lite0 and MobileNetV2 are built of the same kind of blocks, but trained apart). The *patch* is
# the square that an object fills in the paper's frames.

# %%
read = list(dict.fromkeys([layer, plain.logits]))
table = pd.DataFrame({
    (name, kind): similarity.cosine_maps(each.layers[name]).mean((1, 2)).tolist()
    for name in read for kind, each in zip(kinds, both, strict=True)
}, names).T.rename_axis(["layer", "variant"])  # fmt: skip
for (name, kind), line in table.iterrows():
    for anchor, value in line.items():
        record.value(f"mean_cosine/{name}/{kind}/{anchor}", value, unit="cosine")
ours = table.assign(highest=table.idxmax(axis=1), lowest=table.idxmin(axis=1)).style.format("{:.3f}", subset=names)
relatives = {"demo_resnet": "resnet50", "efficientnet_lite0": "mobilenet_v2"}
relative = relatives.get(network, network.removeprefix("demo_"))
paper = published.coco_means().query("network == @relative")
paper = paper.replace({"small": "75 of 224 px", "large": "125 of 224 px", "antialiased": "anti-aliased"})
theirs = paper.pivot_table("mean_cosine", ["layer", "patch", "variant"], "anchor", sort=False).reindex(columns=names)
theirs = theirs.assign(highest=theirs.idxmax(axis=1), lowest=theirs[names].idxmin(axis=1)).style.format("{:.3f}", subset=names)
display(ours.set_caption(f"mean cosine similarity, {plain.name}, {scene.name}"))
panels.Folded(f"The paper's means: {relative}", theirs)

# %% [markdown]
# ### Checks
#
# Identities that hold for every network: a position is similar to itself with cosine 1, no cosine leaves [-1, 1], the
# map does not care which of two positions is the anchor, and the cosine computed by hand is the one in the map.

# %%
worst = max(abs(float(each[i][at]) - 1) for each in maps for i, at in enumerate(marks))
record.check("self-similarity, largest |s - 1|", worst, expected=0, tolerance=1e-5, source="definition; float32 rounding")
largest = max(float(each.abs().max()) for each in maps)
record.check_below("largest |cosine|", largest, bound=1 + 1e-5, source="Cauchy-Schwarz; float32 rounding")
mirrored_pair = [float(each[0][marks[4]] - each[4][marks[0]]) for each in maps]
record.check("s(tl, br) - s(br, tl)", max(map(abs, mirrored_pair)), expected=0, tolerance=1e-5, source="symmetry of the cosine")
in_map = float(maps[0][2][half_way])
record.check("half-way to the corner, by hand", by_hand[1], expected=in_map, tolerance=1e-5, source="the map; float32 rounding")
for name in [each for each in ("fc6", "fc7") if each in both[0].layers]:
    negative = float(both[0].layers[name].min())  # 0 if it were read after its ReLU
    record.check_below(f"smallest feature of {name}", negative, bound=-1e-3, source="read before its ReLU")
panels.Folded("The checks, all of which hold", record.finish())

# %% [markdown]
# ## References and next
#
# - J. Lee, J. Yang, Z. Wang. What Does CNN Shift Invariance Look Like? A Visualization Study. ECCV 2020
#   workshops.
# - R. Zhang. Making Convolutional Networks Shift-Invariant Again. ICML 2019.
#
# Next: if the features carry the position, can it be read from them? That is
# [notebook 2](02_position_probe.ipynb).
