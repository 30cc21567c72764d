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
# # 2. Can the position be read from the features?
#
# **The question.** A network's <abbr title="the numbers that a layer of the network computes from one picture; here, unless
# you change it, the 1,280 that the classifier works with">features</abbr> change when the object moves (notebook 1). Is that
# mere unrest, or do they *say where the object is*?
#
# This is the second experiment of Lee, Yang and Wang (2020): a linear classifier is asked, from the features alone, whether
# the object lies in the upper or the lower half of its positions (and left or right). How often it is right is taken as a
# measure of how much the position shows. Their procedure is repeated here, and then asked what a sceptic would ask.
#
# *The core takes ten minutes to read and about a minute to run on one CPU core; the part for sceptics is folded.*

# %% tags=["parameters"]
network: str = "efficientnet_lite0"  # name, of networks.load: efficientnet_lite1, resnet50, demo_alexnet, ...
weights: str = "default"  # name, "default" are the network's own
layer: str = "pool"  # name, the layer to read from: pool, fc; fc6, fc7, fc8 of AlexNet and VGG16
object_names: list = ["espresso", "cat", "motorcycle", "cameraman", "shuttle", "temple", "officer"]  # at least 2
object_size: int = 75  # px, side of the objects
stride: int = 7  # px, between neighbouring positions; odd, so that they stand differently on the network's grids
draws: int = 9  # count, of random fields, for sceptics
seed: int = 0  # integer, of all random numbers
device: str = "auto"  # name, cpu, cuda or auto
out: str = "../runs/lab"  # folder, where figures and numbers go

# %% [markdown]
# ## Set-up
#
# Two networks take part. One is *off the shelf*, that is, as it was published: unless you change the parameter, it is
# EfficientNet-Lite0, a classifier for phones and none of the paper's four. The other is *anti-aliased*: it blurs its
# activations a little before each step at which it drops pixels. It is a *twin* of the first, made by this project, and
# not one of Zhang's networks. Notebook 1 says how often the two agree.

# %%
import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown, display

from helpers import features, networks, objects, records, runtime, shifting
from helpers.measures import claims, probes, uncertainty
from helpers.views import panels, plots

if len(object_names) < 2:
    raise ValueError(f"object_names: at least 2, one to train on and one to ask about; got {len(object_names)}")
runtime.seed(seed)
given = {"network": network, "weights": weights, "layer": layer, "object_names": object_names}
given |= {"object_size": object_size, "stride": stride, "draws": draws, "seed": seed}
plain = networks.load(network, weights=weights)
smooth = networks.load(network, antialiased=True, weights=weights)
both = {"off-the-shelf": plain, "anti-aliased": smooth}
side = max(0, (plain.frame - object_size) // stride + 1)
if side < 5:
    raise ValueError(f"object_size {object_size}, stride {stride}: {side} position(s) a side of a frame of {plain.frame} "
                     "px, and five folds need at least 5; take a smaller object or stride")  # fmt: skip
record = records.Record("02_position_probe", out, given, [plain, smooth], device=device)
versions = pd.Series(runtime.stamp(weights=plain.weights)["packages"], name="version").to_frame().T
weights_of = pd.Series({each.title: each.weights for each in both.values()}, name="weights").to_frame()
panels.Folded("Versions and weights", versions, weights_of)

# %% [markdown]
# ## One object
#
# A *position* is the place of the object's top left corner. The dividing line halves the *positions*: the two pictures in
# the middle differ by a few pixels, and yet one is to be called top and the other bottom.

# %%
scenes = [shifting.Paste(objects.load(name, object_size), frame=plain.frame) for name in object_names]
rows, cols = shifting.positions(scenes[0].grid, stride)
grid = len(rows), len(cols)
middle, line = int(cols[grid[1] // 2]), int(rows[grid[0] // 2])
places = [(0, middle), (line - stride, middle), (line, middle), (int(rows[-1]), middle)]
titles = [f"row {row}: {'bottom' if row >= line else 'top'}" for row, _ in places]
figure = plots.frames(scenes[0].render(torch.tensor(places)), titles=titles)
record.save_figure(figure, "object")
figure

# %% [markdown]
# ### Predict, then look
#
# The layer `pool` averages its map over the frame. One might think that an average has no room for position. A coin is right
# for half of the positions.

# %%
guess = panels.Guess({
    "Trained on some positions of a cup, asked about its others: how often is top or bottom right?": ["0.5", "0.7", "0.85", "1.0"],
    "Left or right?": ["0.5", "0.7", "0.85", "1.0"],
    "Trained on the other objects, asked about a cup it has never seen: top or bottom?": ["0.5", "0.7", "0.85", "1.0"],
    "Left or right?  (never seen)": ["0.5", "0.7", "0.85", "1.0"],
})  # fmt: skip
guess

# %% [markdown]
# ## Method
#
# For each object a **linear support vector machine** looks for the plane $w \cdot f + b = 0$ among the features $f$ that has
# the upper positions on one side and the lower ones on the other, with the widest margin:
#
# $$ \min_{w, b} \; \tfrac12 \lVert w \rVert^2 + C \sum_p \max\bigl(0,\; 1 - y_p \, (w \cdot f(p) + b)\bigr),
# \qquad y_p = \pm 1, \quad C = 1 $$
#
# One call: `probes.probe(features, "top/bottom")`. The **accuracy** is the share of right answers, the mean of both halves.
# Each position is answered by a classifier that has not seen it: a fifth of the positions is held out in turn, a **fold**.
# As in the paper, the folds are *stratified* (both halves in each) and *unshuffled*. Positions are listed row by row, so a
# fold is a band. This picture decides much of what follows:

# %%
fold_of = {divide: probes.folds(probes.labels(grid, divide)) for divide in probes.DIVIDES}
figure = plots.fold_maps(fold_of, stride=stride)
record.save_figure(figure, "folds")
figure

# %% [markdown]
# For *top/bottom* a fold holds out rows, a band in each half: the classifier has hardly seen the object at that height. For
# *left/right* it holds out a band across the frame as well, but every *column* in it was seen in other rows.
#
# ### By hand: features that are the position
#
# Give the classifier two features that hold the row and the column, and nothing else. It should know everything.

# %%
perfect = np.stack(np.meshgrid(rows, cols, indexing="ij"), -1).astype(float)
ideal = {divide: probes.probe(perfect, divide) for divide in probes.DIVIDES}
answers = 2 * min(grid[0] // 2 * grid[1], grid[1] // 2 * grid[0])  # one counts 1 / answers in a balanced accuracy
told = {divide: record.count(f"coordinates/{divide}", each.accuracy, n=answers, unit="accuracy") for divide, each in ideal.items()}
display(Markdown(
    f"**A first surprise.** Features that hold exactly row and column get {told['top/bottom']:.2f} for top/bottom, and "
    f"{told['left/right']:.2f} for left/right."
))  # fmt: skip

# %% [markdown]
# Where the band beside the dividing line is held out (folds 1 and 5), the widest margin lies in the middle of the *gap*, half
# a band off, and what lies between it and the line is answered wrongly. So read top/bottom against that number and not
# against 1: the two questions are of different difficulty, by the order in which the positions are listed.
#
# ## Run
#
# The features of all objects at all positions. The paper's procedure, and then the same question without its leak: trained
# on all objects but one and asked about that one, no position of which was ever seen. Objects differ from each other by
# more than positions do, so each object's *own mean* (over all its positions) is taken off first. That uses no label.

# %%
found = {
    kind: [features.extract(each, scene, [layer], stride=stride, device=device, progress=False) for scene in scenes]
    for kind, each in both.items()
}
vectors = {kind: [each.layers[layer].numpy() for each in line] for kind, line in found.items()}
# The same distances in at most as many coordinates as there are positions: found once, for all that follows
fewer = {kind: [probes.reduce(each) for each in line] for kind, line in vectors.items()}
paper = {(kind, divide): probes.probes(fewer[kind], divide) for kind in both for divide in probes.DIVIDES}
scores = {key: np.array([each.accuracy for each in value]) for key, value in paper.items()}
pools = {kind: probes.Pool([each - each.mean((0, 1)) for each in line]) for kind, line in vectors.items()}
unseen = {(kind, divide): probes.unseen(pools[kind], divide) for kind in both for divide in probes.DIVIDES}

# %% [markdown]
# ## Results
#
# ### The same object, and objects never seen
#
# A dot is an object, a diamond the mean; the dotted line is the coin.

# %%
modes = {"same object (paper)": scores, "objects never seen": {key: each.accuracy for key, each in unseen.items()}}
figure = plots.accuracies({
    f"{divide}\n{name}": {kind: source[kind, divide] for kind in both}
    for divide in probes.DIVIDES for name, source in modes.items()
})  # fmt: skip
record.save_figure(figure, "accuracies")
figure

# %%
off, on = both
total = len(scenes) * answers
for name, source in modes.items():
    for (kind, divide), values in source.items():
        record.count(f"{name}/{divide}/{kind}", values.mean(), n=total, unit="accuracy")
first = {divide: scores[off, divide].mean() for divide in probes.DIVIDES}
display(Markdown(
    f"**Reading.** Off the shelf, the half of the *same* object's positions is right for {first['top/bottom']:.2f} of the positions "
    f"(top/bottom) and for {first['left/right']:.2f} (left/right). Compare with what features that are the position get, above."
))  # fmt: skip
coin = {"above": 0.5, "unit": "of the positions", "counted": answers}
over = {key: uncertainty.student(each.accuracy).within(0, 1) for key, each in unseen.items()}
record.claim("shared/top/bottom/off-the-shelf", "Off the shelf, \"down\" is told of objects that were never seen, better than by a coin.", over[off, "top/bottom"], **coin)
record.claim("shared/left/right/off-the-shelf", "Off the shelf, \"right\" is told of objects that were never seen, better than by a coin.", over[off, "left/right"], **coin)
record.claim("shared/top/bottom/anti-aliased", "Anti-aliased, \"down\" is told of objects that were never seen, better than by a coin.", over[on, "top/bottom"], **coin)
record.claim("shared/left/right/anti-aliased", "Anti-aliased, \"right\" is told of objects that were never seen, better than by a coin.", over[on, "left/right"], **coin)

# %% [markdown]
# The bracket behind a claim is its **interval**: how far off the mean may be, given how much the objects differ (95%,
# Student's t). The object is the unit: a hundred positions of one cup are still one cup.
#
# Why are the first two numbers not the answer? Because *any* features that change smoothly, and differ from place to place, let a
# classifier tell connected halves of one object apart, also features that know nothing of position. The part for sceptics has
# such features. What is told of objects that were never seen cannot come about in that way: there "down" must mean the same
# for a cup and for a cat.
#
# The paper's table of its own networks is not among the data that its authors publish with it, so no number of theirs is set
# beside these. With `network = "resnet50"`, or another of the four, this notebook computes them (the weights are downloaded once).
#
# ### Does anti-aliasing hide the position?

# %%
change = {divide: uncertainty.paired(scores[on, divide], scores[off, divide], by=uncertainty.student) for divide in probes.DIVIDES}
changed = {divide: uncertainty.paired(unseen[on, divide].accuracy, unseen[off, divide].accuracy, by=uncertainty.student) for divide in probes.DIVIDES}
less = {"below": 0, "unit": "of the positions", "counted": answers}
record.claim("hidden/same object/top/bottom", "Anti-aliasing makes top and bottom of the same object harder to tell.", change["top/bottom"], **less, source="paper, experiment 2")
record.claim("hidden/same object/left/right", "It makes left and right of the same object harder to tell.", change["left/right"], **less, source="paper, experiment 2")
record.claim("hidden/never seen/top/bottom", "It makes top and bottom of objects never seen harder to tell.", changed["top/bottom"], **less)
record.claim("hidden/never seen/left/right", "It makes left and right of objects never seen harder to tell.", changed["left/right"], **less)

# %% [markdown]
# ### Is "down" shared more than "right"?
#
# ImageNet networks are as a rule trained on pictures that are *mirrored* at random, left to right and never upside down.
# "Right" then cannot mean anything for what is in a picture, and "down" can: pictures have the sky above and the ground
# below. If so, mirrored frames should have nearly the same features, and frames upside down should not.

# %%
quarter = torch.tensor([[int(rows[grid[0] // 4]), int(cols[grid[1] // 4])]])  # off the centre, equally far down and across
frames = torch.cat([scene.render(quarter) for scene in scenes])
turns = {"mirrored": frames.flip(-1), "upside down": frames.flip(-2)}
alike = {}
for kind, each in both.items():
    upright, *others = (features.of_frames(each, given_frames, [layer], device=device)[layer] for given_frames in (frames, *turns.values()))
    for name, other in zip(turns, others, strict=True):
        alike[kind, name] = torch.nn.functional.cosine_similarity(upright, other).double().numpy()
        record.statistic(f"{name}/{kind}", alike[kind, name].mean(), n=len(scenes), unit="cosine")
more = uncertainty.paired(unseen[off, "top/bottom"].accuracy, unseen[off, "left/right"].accuracy, by=uncertainty.student)
record.claim("shared/down more than right", "Off the shelf, objects share \"down\" more than \"right\".", more, above=0, unit="of the positions", counted=answers)
nearer = uncertainty.paired(alike[off, "mirrored"], alike[off, "upside down"], by=uncertainty.student)
record.claim("mirrored", "Off the shelf, a mirrored frame is more like the frame than one upside down.", nearer, above=0, unit="cosine")

# %% [markdown]
# ### A half is a coarse answer. Where exactly?
#
# Ridge regression of row and column on the features, for objects never seen (trained on the others, own means taken off). Where
# the curve is as steep as the dotted line the position is known, and where it is flat the features say nothing of it.

# %%
located = {kind: probes.locate_unseen(pools[kind], stride=stride) for kind in both}
figure = plots.readout({kind: each.predicted for kind, each in located.items()}, stride=stride)
record.save_figure(figure, "readout")
figure

# %%
readable = {kind: each.r2.mean(1) for kind, each in located.items()}  # (objects,), row and column together
known = {(kind, which): located[kind].r2[:, i] for kind in both for i, which in enumerate(("row", "column"))}
for (kind, which), values in known.items():
    record.statistic(f"never seen/{which}/{kind}", values.mean(), n=len(scenes), unit="R²")
display(Markdown(
    f"**Reading.** $R^2$ is 1 where the place is told exactly, 0 for always saying \"the middle\", and below 0 for worse than that. "
    f"Off the shelf it is {known[off, 'row'].mean():.2f} for the row and {known[off, 'column'].mean():.2f} for the column (mean over "
    "objects)."
))  # fmt: skip
names = {off: plain.title.removesuffix(", off-the-shelf"), on: smooth.title}
claims.keep(record, {names[kind]: {"position readable": uncertainty.student(each)} for kind, each in readable.items()})

# %% [markdown]
# One network may say much and the other little, so they are not pooled: the table of claims (notebook 9) has a column for each.
#
# ### Your guess beside it

# %%
never = {divide: unseen[off, divide].accuracy.mean() for divide in probes.DIVIDES}
guess.beside(*(f"{source[divide]:.2f} off the shelf, mean over objects" for source in (first, never) for divide in probes.DIVIDES))

# %% [markdown]
# ## Exercises
#
# **1.** Does the order in which positions are listed matter as much as by hand? Turn the grid, so that positions are listed column by
# column, and ask the first object again.
#
# <details><summary>A solution</summary>
#
# ```python
# one = fewer[off][0]
# for divide, turned in zip(probes.DIVIDES, reversed(probes.DIVIDES)):
#     listed = probes.probe(one, divide).accuracy, probes.probe(one.swapaxes(0, 1), turned).accuracy
#     print(f"{divide}: row by row {listed[0]:.3f}, column by column {listed[1]:.3f}")
# ```
#
# These are the same features, and only the folds are others. A difference of that size between two columns of a table of
# accuracies says nothing about a network.
#
# </details>
#
# **2.** Leave out the step that takes off each object's own mean. What happens to the objects never seen, and why?
#
# <details><summary>A solution</summary>
#
# ```python
# raw = probes.unseen(vectors[off], "top/bottom")
# sides = [float((each > 0).mean()) for each in raw.decision]
# print(f"{raw.accuracy.mean():.2f} as they are, {never['top/bottom']:.2f} without the own mean")
# print("called bottom:", [f"{each:.0%}" for each in sides])
# ```
#
# Objects differ more than positions do: an object never seen may lie on one side of the plane with nearly all its positions,
# and yet move along the very direction that says "down". The direction was shared, and the threshold was not.
#
# </details>
#
# ## Explore
#
# The signed distance of the first object from the classifier's plane: positive says "bottom" or "right".

# %%
maps = {
    f"{divide}, {mode}, {kind}": source[kind, divide]
    for kind in both for divide in probes.DIVIDES
    for mode, source in (("same object", {key: each[0].decision for key, each in paper.items()}),
                         ("never seen", {key: each.decision[0] for key, each in unseen.items()}))
}  # fmt: skip
far = max(float(np.abs(each).max()) for each in maps.values())
look = {"limits": (-far, far), "cmap": plots.style.DIFFERENCE}  # white on the plane itself
panel = panels.MapPanel(maps, scenes[0], label="signed distance from the plane", stride=stride, **look)
panel

# %% [markdown]
# ## What this does not show
#
# - That the network *uses* the position. It can be read by a classifier made for that purpose; the network's own answer may
#   ignore it (notebook 4).
# - How *much* of the features is position. A direction with a thousandth of the variance is enough for a linear classifier.
#   Notebook 8 takes such directions out, and looks at what that does to the change.
# - That features without it would be shift-invariant: each object could say where it is in a way of its own.
# - Where position comes from (borders, training positions, object size). Notebook 7 asks that.

# %% [markdown] jp-MarkdownHeadingCollapsed=true
# ## For sceptics
#
# Controls and checks. In JupyterLab the arrow beside the heading opens them.

# %% [markdown]
# ### Features that know nothing of position
#
# A random field, as smooth as the features of an object: the same power at each spatial frequency, and new phases. It has no
# top, no centre and no border. What the paper's procedure reaches on it, it owes to smoothness alone.

# %%
fields = {
    divide: np.array([np.mean([probes.probe(probes.surrogate(one, seed=seed + k), divide).accuracy for k in range(draws)]) for one in fewer[off][:2]])
    for divide in probes.DIVIDES
}
blind = {divide: record.count(f"smooth field/{divide}", each.mean(), n=2 * draws * answers, unit="accuracy") for divide, each in fields.items()}
table = pd.DataFrame({"smooth fields": blind, "the same objects' features": {divide: scores[off, divide][:2].mean() for divide in probes.DIVIDES}})
table.style.format("{:.3f}").set_caption(f"accuracy, mean over {draws} fields for each of the first two objects")

# %% [markdown]
# **A second surprise.** These fields cannot know the position. Compare them with a coin, which gets 0.5: within *one* object, a high
# accuracy shows that features change smoothly and differ from place to place, hardly more.
#
# ### A test whose unit is the object
#
# If objects shared no direction that means "down", it would make no difference to call one object's top "bottom". So each
# object's labels are kept or swapped *as a whole*, in every pattern of swaps, which leaves the likeness of neighbours
# untouched. (The classifier is ridge regression on the labels, which makes all patterns affordable.)

# %%
swaps = {(divide, kind): probes.swap_test(pools[kind], divide, seed=seed) for divide in probes.DIVIDES for kind in both}
for (divide, kind), test in swaps.items():
    record.count(f"swap/{divide}/{kind}/p", test.p_value, n=len(test.null), unit="p-value")
table = pd.DataFrame({key: {"accuracy": each.observed, "p": each.p_value} for key, each in swaps.items()}).T
table.style.format("{:.3f}").set_caption(f"objects never seen; the least p that {len(scenes)} objects can give is {max(0.5 ** (len(scenes) - 1), 1 / 1025):.3g}")

# %% [markdown]
# ### Where are the answers wrong?
#
# The share of objects answered rightly at each position; the dividing line is dashed.

# %%
shares = [
    [np.mean([each.correct for each in paper[kind, divide]], 0) for divide in probes.DIVIDES]
    + [unseen[kind, divide].correct.mean(0) for divide in probes.DIVIDES]
    for kind in both
]
columns = [f"{divide}\n{seen}" for seen in ("same object", "never seen") for divide in probes.DIVIDES]
figure = plots.right_answers(shares, rows=list(both), columns=columns, divides=probes.DIVIDES * 2, stride=stride)
record.save_figure(figure, "answers")
figure

# %% [markdown]
# ### How honest a number is depends on what was held out
#
# $R^2$ of ridge regression, off the shelf, mean over objects. *Random* positions have their near-copies in training, *tiles* are compact
# blocks, *bands* are whole stretches of the coordinate asked for. Objects never seen are the strict case.

# %%
ways = {split: np.mean([probes.locate(one, stride=stride, split=split).r2 for one in fewer[off]], 0) for split in ("random", "tiles", "bands")}
ways["objects never seen"] = located[off].r2.mean(0)
pd.DataFrame(ways, ["row", "column"]).T.style.format("{:.2f}")

# %% [markdown]
# ### How much hangs on the choices?
#
# $C = 1$ means something else for features of another size. The paper's procedure once more, off the shelf, with other $C$,
# and with *standardised* features (each dimension to deviation 1 over positions).

# %%
scaled = [(one - one.mean((0, 1))) / np.maximum(one.std((0, 1)), 1e-6) for one in vectors[off]]
scaled = [probes.reduce(each) for each in scaled]
choices = {f"C = {c:g}": (fewer[off], c) for c in (0.01, 1.0, 100.0)} | {"C = 1, standardised": (scaled, 1.0)}
table = pd.DataFrame({
    name: {divide: np.mean([each.accuracy for each in probes.probes(source, divide, c=c)]) for divide in probes.DIVIDES}
    for name, (source, c) in choices.items()
}).T  # fmt: skip
for name, line in table.iterrows():
    for divide, value in line.items():
        record.count(f"choices/{name}/{divide}", value, n=total, unit="accuracy")
table.style.format("{:.3f}")

# %% [markdown]
# ### Checks
#
# Features that do not change give exactly a coin's accuracy; the coordinates alone tell everything of objects never seen; the
# swap test finds nothing in features that do not change; and the fast solver agrees with scikit-learn's plain one.

# %%
still = [probes.probe(np.ones((*grid, 4)), divide).accuracy for divide in probes.DIVIDES]
record.check("constant features, accuracy", max(abs(value - 0.5) for value in still), expected=0, tolerance=0, source="definition; |a - 0.5|")
added = np.concatenate([fewer[off][0], perfect], -1)
record.check_above("coordinates added, left/right", probes.probe(added, "left/right").accuracy, bound=0.97, source="sanity, ours")
exactly = min(probes.unseen([perfect, perfect + 0.01 * stride], divide).accuracy.min() for divide in probes.DIVIDES)
record.check("coordinates only, never seen", exactly, expected=1, tolerance=1e-9, source="sanity, ours")
empty = [probes.swap_test([np.ones((*grid, 4))] * len(scenes), divide, seed=seed).p_value for divide in probes.DIVIDES]
record.check("swap test of constant features, p", min(empty), expected=1, tolerance=0, source="nothing in them")
exact = [probes.probe(one, "top/bottom", exact=True).accuracy for one in vectors[off][:2]]
gap = float(np.abs(scores[off, "top/bottom"][:2] - exact).max())
record.check("fast against plain SVC, accuracy", gap, expected=0, tolerance=0.01, source="sklearn.svm.SVC, two objects")
every = np.concatenate([values for source in modes.values() for values in source.values()])
record.check("accuracies outside [0, 1]", int(((every < 0) | (every > 1)).sum()), expected=0, tolerance=0, source="definition")
panels.Folded("The checks, all of which hold", record.finish())

# %% [markdown]
# ## References and next
#
# - J. Lee, J. Yang, Z. Wang. What Does CNN Shift Invariance Look Like? A Visualization Study. ECCV 2020
#   workshops. Its second experiment.
# - D. R. Roberts et al. Cross-validation strategies for data with temporal, spatial, hierarchical, or
#   phylogenetic structure. Ecography 40, 2017. Why random folds flatter.
# - J. Theiler et al. Testing for nonlinearity in time series: the method of surrogate data. Physica D 58, 1992.
# - M. D. Ernst. Permutation methods: a basis for exact inference. Statistical Science 19, 2004.
#
# Next: the change carries position. Is it, apart from that, only a *reordering* of the features? That is
# [notebook 3](03_permutation.ipynb).
