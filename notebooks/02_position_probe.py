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
# # 2. Can the position be read from the features?
#
# **The question.** Features change when the object moves (notebook 1). Is that change mere unrest, or does it
# *say where the object is*?
#
# This is the second experiment of Lee, Yang and Wang (2020): a linear classifier is asked, from the features
# alone, whether the object lies in the upper or the lower half (and left or right), and its accuracy is taken
# as a measure of variance. Its procedure is repeated here, and then asked the questions that a sceptic would ask.
#
# **Before you go on, predict.** (a) Will a classifier trained on some positions of an object find the half of
# its other positions, well above the 0.5 of a coin? (b) Will "top or bottom" be as easy as "left or right"?
# (c) Would features that know *nothing* of position fail? (d) Will what says "bottom" for a cup say so for a cat?
#
# *Takes about two minutes on one CPU core.*

# %% tags=["parameters"]
network: str = "efficientnet_lite0"  # name, of networks.load: efficientnet_lite1, resnet50, demo_alexnet, ...
weights: str = "default"  # name, "default" are the network's own
layer: str = "pool"  # name, the layer to read from: pool, fc; fc6, fc7, fc8 of AlexNet and VGG16
object_names: list = ["espresso", "cat", "motorcycle", "cameraman", "shuttle", "temple", "officer"]  # at least 2
object_size: int = 75  # px, side of the objects
stride: int = 7  # px, between neighbouring positions
draws: int = 19  # count, of each null within one object; the least p-value is 1 / (draws + 1)
seed: int = 0  # integer, of all random numbers
device: str = "auto"  # name, cpu, cuda or auto
out: str = "../runs/lab"  # folder, where figures and numbers go

# %% [markdown]
# ## Set-up

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
# **The networks.** EfficientNet-Lite0 is an ImageNet classifier made for phones, taken off the shelf. It is not one
# of the paper's four; those can be had by name where there is an internet connection (`network = "resnet50"`). Its
# anti-aliased twin was made by this project: a blur before each stride but the first, then training to agree with
# the original on other photographs. It is not Zhang's network, and it does not always give the original's answer.
#
# Layer `pool` is what the classifier decides on: each dimension is one kind of feature, *averaged over the frame*.
# One might think that such an average has no room for position.

# %% [markdown]
# ## One object
#
# A *position* is the place of the object's top left corner. The dividing line halves the *positions*: objects
# just above and just below it differ by a few pixels, yet have different labels. (The objects are cut out of
# photographs, each of another one.)

# %%
scenes = [shifting.Paste(objects.load(name, object_size), frame=plain.frame) for name in object_names]
rows, cols = shifting.positions(scenes[0].grid, stride)
grid = len(rows), len(cols)
middle, line = int(cols[grid[1] // 2]), int(rows[grid[0] // 2])
places = [(0, middle), (line - stride, middle), (line, middle), (int(rows[-1]), middle)]
titles = [f"row {row}: {'bottom' if row >= line else 'top'}" for row, _ in places]
figure = plots.frames(scenes[0].render(torch.tensor(places)), titles=titles)
record.save_figure(figure, "object")
display(Markdown(
    f"{len(scenes)} objects, each at {grid[0]} x {grid[1]} positions. (On an odd grid the lower half and the right half take "
    "the middle line.)"
))  # fmt: skip
figure

# %% [markdown]
# Seven pixels apart for two reasons. The number is *odd*, so neighbours stand differently on the grids of all the
# network's strides; with 8 px all positions would stand alike on those of 2, 4 and 8 px, and part of what makes
# features change, aliasing, would be missing. And 22 rows give each of five folds two whole rows of either half.

# %% [markdown]
# ## Method
#
# For each object a **linear support vector machine** looks for the plane $w \cdot f + b = 0$ in feature space
# that has the upper positions on one side and the lower ones on the other, with the widest margin:
#
# $$ \min_{w, b} \; \tfrac12 \lVert w \rVert^2 + C \sum_p \max\bigl(0,\; 1 - y_p \, (w \cdot f(p) + b)\bigr),
# \qquad y_p = \pm 1, \quad C = 1 $$
#
# Features go in as they come (the paper does not standardise them; what that does is shown below). One call:
# `probes.probe(features, "top/bottom")`. Each position is answered by a classifier that has not seen it: five
# folds, *stratified* (both halves in each) and *unshuffled*. Positions are listed row by row, so a fold is
# **contiguous**. This picture decides much of what follows.

# %%
fold_of = {divide: probes.folds(probes.labels(grid, divide)) for divide in probes.DIVIDES}
figure = plots.fold_maps(fold_of, stride=stride)
record.save_figure(figure, "folds")
figure

# %% [markdown]
# For *top/bottom* a fold holds out rows (the last of them in part, where five folds do not share the rows out evenly),
# one band in each half: the classifier hardly saw the object at that height. For *left/right* it holds out a band
# across the frame too, but every **column** in it was seen in other rows. The first asks for the rows between and beyond those it knows, the second does not. In fold 1 and
# fold 5 of the first, a band *beside the dividing line* is missing.
#
# ## Run

# %%
found = {
    kind: [features.extract(each, scene, [layer], stride=stride, device=device, progress=False) for scene in scenes]
    for kind, each in both.items()
}
vectors = {kind: [each.layers[layer].numpy() for each in line] for kind, line in found.items()}
# The same distances in at most as many coordinates as there are positions: found once, for all that follows
fewer = {kind: [probes.reduce(each) for each in line] for kind, line in vectors.items()}
paper = {(kind, divide): probes.probes(fewer[kind], divide) for kind in both for divide in probes.DIVIDES}

# %% [markdown]
# ## Results
#
# ### The paper's experiment

# %%
scores = {key: np.array([each.accuracy for each in value]) for key, value in paper.items()}
# One answer counts 1 / answers in an object's balanced accuracy, and in a mean or a deviation over objects:
answers = 2 * min(grid[0] // 2 * grid[1], grid[1] // 2 * grid[0])
total, spreads = len(scenes) * answers, answers * np.sqrt(max(1, len(scenes) - 1))
deviation = "accuracy, standard deviation over objects"
for (kind, divide), value in scores.items():
    record.count(f"paper/{divide}/{kind}", value.mean(), n=total, unit="accuracy")
    record.count(f"paper/{divide}/{kind}/spread", value.std(ddof=1), n=spreads, unit=deviation)
text = {key: f"{value.mean():.3f} ± {value.std(ddof=1):.3f}" for key, value in scores.items()}
display(pd.Series(text).unstack()[list(probes.DIVIDES)].loc[list(both)].style.set_caption(
    f"accuracy, mean ± standard deviation over {len(scenes)} objects; {plain.name}, {layer}"
))  # fmt: skip
first = scores["off-the-shelf", "top/bottom"].mean(), scores["off-the-shelf", "left/right"].mean()
effect = {
    divide: uncertainty.paired(scores["anti-aliased", divide], scores["off-the-shelf", divide], seed=seed)
    for divide in probes.DIVIDES
}
ranges = " and ".join(f"{each.value:+.3f} ({each.low:+.3f} to {each.high:+.3f})" for each in effect.values())
display(Markdown(
    f"**Reading.** The half is right for {first[0]:.2f} and {first[1]:.2f} of the positions, where a coin gives 0.50. "
    f"Anti-aliasing changes that by {ranges}, object by object ({effect['top/bottom'].level:.0%} interval over the "
    f"{len(scenes)} objects). But what is a *good* number here, and what a bad one?"
))  # fmt: skip

# %% [markdown]
# ### What the coordinates themselves get
#
# Give the classifier two features that hold the position and nothing else: the row and the column. (Accuracy per
# fold, then their mean.)

# %%
perfect = np.stack(np.meshgrid(rows, cols, indexing="ij"), -1).astype(float)
ideal = {divide: probes.probe(perfect, divide) for divide in probes.DIVIDES}
real = {divide: np.mean([each.folds for each in paper["off-the-shelf", divide]], 0) for divide in probes.DIVIDES}
lines = {(divide, "coordinates"): [*each.folds, each.accuracy] for divide, each in ideal.items()}
lines |= {(divide, f"{layer}, off-the-shelf"): [*each, each.mean()] for divide, each in real.items()}
told = {divide: record.count(f"coordinates/{divide}", each.accuracy, n=answers, unit="accuracy") for divide, each in ideal.items()}
header = [*(f"fold {k}" for k in range(1, 6)), "mean"]
display(pd.DataFrame(lines, header).T.sort_index(ascending=False).style.format("{:.2f}"))
over = {kind: int((scores[kind, "top/bottom"] > told["top/bottom"]).sum()) for kind in both}
display(Markdown(
    f"**A first surprise.** Features that hold exactly row and column, and nothing else, get "
    f"{told['top/bottom']:.2f} for top/bottom and {told['left/right']:.2f} for left/right. Where the band beside the "
    "dividing line is held out (folds 1 and 5), the widest margin lies in the middle of the *gap*, half a band off, and "
    "what lies between it and the line is answered wrongly. Features that change sharply at the line can do better "
    f"({over['off-the-shelf']} of {len(scenes)} objects do off the shelf, {over['anti-aliased']} anti-aliased); a smooth code "
    "of position cannot be expected to. So read top/bottom against that number, not against 1. And the two questions "
    "differ by the order in which positions are listed."
))  # fmt: skip

# %% [markdown]
# Is it? List the positions column by column instead (transpose the grid) and ask the same questions.

# %%
turned = {
    divide: np.array([probes.probe(each.swapaxes(0, 1), other).accuracy for each in fewer["off-the-shelf"]])
    for divide, other in zip(probes.DIVIDES, reversed(probes.DIVIDES), strict=True)
}
table = pd.DataFrame({
    "listed row by row (paper)": {divide: scores["off-the-shelf", divide].mean() for divide in probes.DIVIDES},
    "listed column by column": {divide: value.mean() for divide, value in turned.items()},
})  # fmt: skip
for divide, value in turned.items():
    record.count(f"transposed/{divide}/off-the-shelf", value.mean(), n=total, unit="accuracy")
display(table.style.format("{:.3f}").set_caption("accuracy of the same features, off-the-shelf"))
moved = table["listed column by column"] - table["listed row by row (paper)"]
display(Markdown(
    f"**Reading.** Only the order in which the cross-validation takes the positions has changed, and top/bottom "
    f"goes {moved['top/bottom']:+.3f}, left/right {moved['left/right']:+.3f}. A difference of that size between "
    "the two columns of the paper's table would say nothing about the network."
))  # fmt: skip

# %% [markdown]
# ### What would features reach that know nothing of position?
#
# A p-value needs a null hypothesis, and the usual one, shuffling the labels of positions, is wrong here.
# Neighbouring positions have nearly the same features, so *any* smooth function of position lets a classifier
# tell connected halves apart. Three nulls for the first object:
#
# - **shuffled**: each position's label is drawn from all labels. Tests smooth halves against salt and pepper.
# - **moved**: the labels moved round both axes; one half is then cut in two, a harder question. There are only as many
#   such maps as there are positions.
# - **smooth field**: features replaced by a random field of the same smoothness (same power at each spatial
#   frequency, new phases). It has no top, no centre and no border: it *cannot* know the position.
#
# A dot is one draw, a black tick the mean of a null, the red line the accuracy of the features.

# %%
one, null = fewer["off-the-shelf"][0], {}
for divide in probes.DIVIDES:
    truth = probes.labels(grid, divide)
    maps = {how: probes.null_labels(truth, how=how, draws=draws, seed=seed) for how in ("shuffle", "torus")}
    null[divide] = {
        "shuffled": [probes.probe(one, each).accuracy for each in maps["shuffle"]],
        "moved": [probes.probe(one, each).accuracy for each in maps["torus"]],
        "smooth field": [probes.probe(probes.surrogate(one, seed=seed + k), divide).accuracy for k in range(draws)],
    }
observed = {divide: scores["off-the-shelf", divide][0] for divide in probes.DIVIDES}
figure = plots.nulls({divide: (observed[divide], null[divide]) for divide in probes.DIVIDES})
record.save_figure(figure, "nulls")
figure

# %%
p_values = {
    (divide, name): record.count(
        f"p/{divide}/{name}", probes.p_value(observed[divide], values), n=draws + 1, unit="p-value"
    )
    for divide, group in null.items() for name, values in group.items()
}  # fmt: skip
display(pd.Series(p_values, name="p").unstack()[list(null["top/bottom"])].style.format("{:.2f}"))
# One more such field, put to the test of shuffled labels itself
field, divide = probes.surrogate(one, seed=seed + draws), probes.DIVIDES[0]
maps = probes.null_labels(probes.labels(grid, divide), how="shuffle", draws=draws, seed=seed)
chance = [probes.probe(field, each).accuracy for each in maps]
fooled = probes.p_value(probes.probe(field, divide).accuracy, chance)
record.count(f"p/{divide}/smooth field against shuffled labels", fooled, n=draws + 1, unit="p-value")

# %%
flat = np.mean([null[divide]["smooth field"] for divide in probes.DIVIDES])
own, naive = np.mean(list(observed.values())), max(p_values[divide, "shuffled"] for divide in probes.DIVIDES)
strict, least = max(p_values[divide, "smooth field"] for divide in probes.DIVIDES), 1 / (draws + 1)
display(Markdown(
    f"**A second surprise.** Against shuffled labels p is at most {naive:.2f} (the least that {draws} draws allow is "
    f"{least:.2f}). But a field that knows nothing of position, put to the same test ({divide}), gets {fooled:.2f}, and such "
    f"fields reach an accuracy of {flat:.2f} on average, where the features reach {own:.2f}: against *them*, p is up to "
    f"{strict:.2f}. Where that is over 0.05, smoothness alone can explain the accuracy: *within one object*, a high accuracy "
    "shows that features change smoothly and differ from place to place, hardly more. So the paper's number cannot, by "
    "itself, answer the question."
))  # fmt: skip

# %% [markdown]
# ### Objects it has never seen
#
# What would answer it: if the features *say* where an object is, then what says "bottom" for a cup must say so
# for a cat. Train on all objects but one, ask about that one, each in turn. No position of it was ever seen.
#
# But objects differ from each other by more than positions do. An unseen object may lie on one side of the plane
# with *all* its positions (accuracy 0.5), and yet move along the very direction that says "down". So ask twice: with
# the features **as they are**, and with each object's **own mean removed**, its features averaged over all its
# positions. That uses no label, but it has seen the object everywhere. (A dot is an object, a diamond the mean.)

# %%
centred = {kind: [each - each.mean((0, 1)) for each in line] for kind, line in vectors.items()}
pools = {kind: probes.Pool(vectors[kind]) for kind in both}
level_pools = {kind: probes.Pool(centred[kind]) for kind in both}
unseen, level = (
    {(kind, divide): probes.unseen(source[kind], divide) for kind in both for divide in probes.DIVIDES}
    for source in (pools, level_pools)
)
modes = {"same object (paper)": scores}
modes |= {name: {key: each.accuracy for key, each in source.items()}
          for name, source in (("unseen objects", unseen), ("unseen, own mean removed", level))}  # fmt: skip
for name, source in list(modes.items())[1:]:
    for (kind, divide), values in source.items():
        key = f"{name.replace(' objects', '')}/{divide}/{kind}"
        record.count(key, values.mean(), n=total, unit="accuracy")
        record.count(f"{key}/spread", values.std(ddof=1), n=spreads, unit=deviation)
figure = plots.accuracies({
    f"{divide}\n{name}": {kind: source[kind, divide] for kind in both}
    for divide in probes.DIVIDES for name, source in modes.items()
})  # fmt: skip
record.save_figure(figure, "accuracies")
figure

# %%
asked, ratio, sided = len(probes.DIVIDES) * len(scenes), {}, {}
for kind in both:
    within = np.mean([np.square(each).sum(-1).mean() for each in centred[kind]])
    ratio[kind] = np.var([each.mean((0, 1)) for each in vectors[kind]], axis=0).sum() / within
    record.value(f"variance, objects over positions/{kind}", ratio[kind], unit="ratio")
    share = np.stack([(unseen[kind, divide].decision > 0).mean((1, 2)) for divide in probes.DIVIDES])
    sided[kind] = int((np.minimum(share, 1 - share) < 0.05).sum())
    record.count(f"unseen/on one side/{kind}", sided[kind] / asked, n=asked, unit="share of cases")
compared = pd.DataFrame({"variance between objects / between positions": ratio, f"cases on one side, of {asked}": sided})
display(compared.style.format("{:.1f}", subset=[compared.columns[0]]))
display(Markdown(
    "**Reading.** A case is on one side where over 95% of an unseen object's positions lie on the same side of the plane. Where "
    "the accuracy rises when the own mean is removed, objects share the *direction*, and it was only the *threshold* that "
    "they did not share."
))  # fmt: skip

# %% [markdown]
# Objects are independent of each other, so *they* can be shuffled. If objects shared no direction that means
# "down", it would make no difference to call one object's top "bottom": each object's labels are kept or
# swapped **as a whole**, for every pattern of swaps, which leaves the likeness of neighbours untouched. (The
# classifier here is ridge regression on the labels, whose answers are sums over objects; that makes all
# patterns affordable.)

# %%
swaps = {
    (mode, kind, divide): probes.swap_test(source[kind], divide, seed=seed)
    for mode, source in (("as they are", pools), ("own mean removed", level_pools))
    for kind in both for divide in probes.DIVIDES
}  # fmt: skip
for (mode, kind, divide), test in swaps.items():
    name = f"swap{', own mean removed' if mode != 'as they are' else ''}/{divide}/{kind}"
    record.count(name, test.observed, n=total, unit="accuracy")
    record.count(f"{name}/p", test.p_value, n=len(test.null), unit="p-value")
figure = plots.swap_nulls({f"{divide}, {kind}": (test.observed, test.null, test.p_value)
                           for (mode, kind, divide), test in swaps.items() if mode == "own mean removed"})  # fmt: skip
record.save_figure(figure, "swaps")
display(Markdown("With the own mean removed:"))
figure

# %%
answer = pd.DataFrame({
    (mode, name): {(divide, kind): value for divide in probes.DIVIDES for kind in both for value in [
        source[kind, divide].accuracy.mean() if name == "accuracy" else swaps[mode, kind, divide].p_value]}
    for mode, source in (("as they are", unseen), ("own mean removed", level)) for name in ("accuracy", "p, ridge")
})  # fmt: skip
least = max(0.5 ** (len(scenes) - 1), 1 / 1025)
change = [uncertainty.paired(level["anti-aliased", divide].accuracy, level["off-the-shelf", divide].accuracy, seed=seed)
          for divide in probes.DIVIDES]  # fmt: skip
ranges = " and ".join(f"{each.value:+.3f} ({each.low:+.3f} to {each.high:+.3f})" for each in change)
display(answer.style.format("{:.3f}").set_caption("accuracy on unseen objects, and the swap test's p-value"))
display(Markdown(
    f"**The answer** is in this table. The least p that {len(scenes)} objects can give is {least:.3g}. A small p with a "
    "high accuracy says that the features tell where the object is *in a language that objects share*; a small p with an "
    f"accuracy near 0.5, that they share little of it. Anti-aliasing changes the accuracy (own mean removed) by {ranges}."
))  # fmt: skip

# %%
coin = {"above": 0.5, "unit": "of the positions", "counted": answers}
shared = {key: uncertainty.student(each.accuracy).within(0, 1) for key, each in level.items()}
off, on = both
record.claim("shared/top/bottom/off-the-shelf", "Off the shelf, \"down\" is told of objects that were never seen, better than by a coin.", shared[off, "top/bottom"], **coin)
record.claim("shared/left/right/off-the-shelf", "Off the shelf, \"right\" is told of objects that were never seen, better than by a coin.", shared[off, "left/right"], **coin)
record.claim("shared/top/bottom/anti-aliased", "Anti-aliased, \"down\" is told of objects that were never seen, better than by a coin.", shared[on, "top/bottom"], **coin)
record.claim("shared/left/right/anti-aliased", "Anti-aliased, \"right\" is told of objects that were never seen, better than by a coin.", shared[on, "left/right"], **coin)
more = uncertainty.paired(level[off, "top/bottom"].accuracy, level[off, "left/right"].accuracy, by=uncertainty.student)
record.claim("shared/down more than right", "Off the shelf, objects share \"down\" more than \"right\".", more, above=0, unit="of the positions", counted=answers)

# %% [markdown]
# **Why would left/right carry over less?** ImageNet networks are as a rule trained on pictures that are *mirrored* at
# random, left to right and never upside down. "Right" then cannot mean anything for what is in a picture, whereas "down"
# can: pictures have the sky above and the ground below. If that is so, mirrored frames should have much the same
# features, and frames upside down should not. Take each object off the centre, equally far across and down.

# %%
quarter = torch.tensor([[int(rows[grid[0] // 4]), int(cols[grid[1] // 4])]])
frames = torch.cat([scene.render(quarter) for scene in scenes])
turns = {"mirrored": frames.flip(-1), "upside down": frames.flip(-2)}
alike = {}
for kind, each in both.items():
    upright = features.of_frames(each, frames, [layer], device=device)[layer]
    for name, turned_frames in turns.items():
        other = features.of_frames(each, turned_frames, [layer], device=device)[layer]
        cosines = torch.nn.functional.cosine_similarity(upright, other)
        alike[kind, name] = record.statistic(f"{name}/{kind}", float(cosines.mean()), n=len(scenes), unit="cosine")
pd.Series(alike).unstack()[list(turns)].loc[list(both)].style.format("{:.3f}").set_caption("mean cosine with the frame as it is")

# %% [markdown]
# Where "mirrored" is far above "upside down", the explanation fits. Within *one* object left/right is easy all the same:
# its two sides look different, and so does what the left and the right border of the frame do to its features.
#
# ### Where are the answers wrong?
#
# The share of objects answered rightly at each position, the dividing line dashed; unseen objects with their own mean
# removed.

# %%
shares = [
    [np.mean([each.correct for each in paper[kind, divide]], 0) for divide in probes.DIVIDES]
    + [level[kind, divide].correct.mean(0) for divide in probes.DIVIDES]
    for kind in both
]
columns = [
    *(f"{divide}\nsame object" for divide in probes.DIVIDES),
    *(f"{divide}\nunseen" for divide in probes.DIVIDES),
]
figure = plots.right_answers(shares, rows=list(both), columns=columns, divides=probes.DIVIDES * 2, stride=stride)
record.save_figure(figure, "answers")
figure

# %%
far = {divide: {} for divide in probes.DIVIDES}
for divide in probes.DIVIDES:
    for kind in both:
        own = [each.correct for each in paper[kind, divide]]
        far[divide][f"{kind}, unseen objects"] = probes.accuracy_by_distance(level[kind, divide].correct, divide, stride=stride)
        far[divide][f"{kind}, same object"] = probes.accuracy_by_distance(own, divide, stride=stride)
figure = plots.by_line_distance(
    far,
    dashed=[f"{kind}, same object" for kind in both],
    variants={f"{kind}, {seen}": kind for kind in both for seen in ("unseen objects", "same object")},
)
record.save_figure(figure, "distance")
figure

# %%
curve = {divide: far[divide]["off-the-shelf, unseen objects"][1] for divide in probes.DIVIDES}
gap = far["top/bottom"]["off-the-shelf, same object"]
lowest = int(np.argmin(gap[1]))
edge = [value for divide in probes.DIVIDES for value in (curve[divide][0], curve[divide][-1])]
display(Markdown(
    f"**Reading.** Unseen objects (own mean removed), off-the-shelf: beside the line {edge[0]:.2f} (top/bottom) and {edge[2]:.2f} "
    f"(left/right) are right, at the far ends {edge[1]:.2f} and {edge[3]:.2f}. Both sides of the line count alike (on an odd grid "
    f"the last line has none opposite, and is left out). The dashed top/bottom curve, off-the-shelf, is lowest at {gap[0][lowest]:.0f} px ({gap[1][lowest]:.2f}): the band "
    f"beside the line that folds 1 and 5 hold out reaches {grid[0] / 10 * stride:.0f} px from it."
))  # fmt: skip

# %% [markdown]
# ### A half is a coarse answer. Where exactly?
#
# Ridge regression of (row, column) on the features. How honest its $R^2$ is depends on what was held out:
# *random* positions have their near-copies in training; *tiles* are compact blocks; *bands* are whole
# stretches of the coordinate asked for; *unseen objects* is the strict one (each object's own mean removed, or their
# differences would be taken for places).

# %%
located, nets, apart, readable, variants = {}, {}, {}, {}, {}
for kind in both:
    for split in ("random", "tiles", "bands"):
        each = [probes.locate(one, stride=stride, split=split).r2 for one in fewer[kind]]
        located[kind, split] = np.mean(each, 0)
    others = probes.locate_unseen(level_pools[kind], stride=stride)
    located[kind, "unseen objects"] = others.r2.mean(0)
    located[kind, "error (px), unseen"] = np.sqrt(np.square(others.error).mean(0))
    nets[f"{kind}, mean of {len(scenes)}"] = others.predicted.mean(0)
    readable[kind] = others.r2.mean(1)
    usual = np.argsort(others.r2.mean(1))[len(scenes) // 2]  # the object of median R^2
    nets[f"{kind}, {scenes[usual].name}: $R^2$ {others.r2[usual].mean():.2f}"] = others.predicted[usual]
    variants |= dict.fromkeys(set(nets) - set(variants), kind)
    wide = np.sqrt(others.predicted.var(0, ddof=1).mean())
    apart[kind] = record.statistic(f"locate/objects apart/{kind}", wide, n=len(scenes), unit="px")
for (kind, split), (row, col) in located.items():
    unit = "px" if "px" in split else "R^2"
    record.statistic(f"locate/row/{split}/{kind}", row, n=len(scenes), unit=unit)
    record.statistic(f"locate/column/{split}/{kind}", col, n=len(scenes), unit=unit)
table = pd.DataFrame(located, ["row", "column"]).T.unstack(0).swaplevel(axis=1).sort_index(axis=1, ascending=False)
table.loc[["random", "tiles", "bands", "unseen objects", "error (px), unseen"]].style.format("{:.2f}")

# %%
figure = plots.warped_grids(nets, stride=stride, step=max(1, grid[0] // 5), variants=variants)
record.save_figure(figure, "net")
display(figure)
display(Markdown(
    "**Reading.** Pale: where the object is. Coloured: where it is said to be, on the left the mean over all unseen "
    "objects, on the right one of them, of middling $R^2$. "
    "An $R^2$ under 0 is *worse* than always to say \"the middle\", which is "
    f"{np.std(rows.numpy()):.0f} px off. In the mean net the objects' errors cancel: objects lie "
    f"{apart['off-the-shelf']:.0f} (off-the-shelf) and {apart['anti-aliased']:.0f} px (anti-aliased) round it, so the mean net "
    "flatters. Where the lines of a net lie close or cross, the features hardly tell one place from the next."
))  # fmt: skip

# %%
names = {off: plain.title.removesuffix(", off-the-shelf"), on: smooth.title}
claims.keep(record, {names[kind]: {"position readable": uncertainty.student(each)} for kind, each in readable.items()})
pd.DataFrame(readable, [scene.name for scene in scenes]).style.format("{:.2f}").set_caption("R² on the unseen object, row and column together")

# %% [markdown]
# ### How much hangs on the choices?
#
# $C = 1$ means something else for features of another size. The paper's mode once more, off-the-shelf, mean
# over objects: with other $C$, and with features standardised (each dimension to deviation 1 over positions).

# %%
scaled = [(one - one.mean((0, 1))) / np.maximum(one.std((0, 1)), 1e-6) for one in vectors["off-the-shelf"]]
scaled = [probes.reduce(each) for each in scaled]
choices = {f"C = {c:g}": (fewer["off-the-shelf"], c) for c in (0.0001, 0.01, 1.0, 100.0)}
choices["C = 1, standardised"] = scaled, 1.0
table = pd.DataFrame({
    name: {divide: np.mean([each.accuracy for each in probes.probes(source, divide, c=c)]) for divide in probes.DIVIDES}
    for name, (source, c) in choices.items()
}).T  # fmt: skip
for name, line in table.iterrows():
    for divide, value in line.items():
        record.count(f"choices/{name}/{divide}", value, n=total, unit="accuracy")
table.style.format("{:.3f}")

# %%
exact = [probes.probe(one, "top/bottom", exact=True).accuracy for one in vectors["off-the-shelf"][:3]]
gap = float(np.abs(scores["off-the-shelf", "top/bottom"][:3] - exact).max())
usual = table.drop("C = 0.0001")
span, stiff = usual.max() - usual.min(), table.loc["C = 0.0001"]
largest = max(abs(each.value) for each in effect.values())
display(Markdown(
    f"**Reading.** From C = 0.01 upwards, and with standardised features, the accuracy moves by "
    f"{span['top/bottom']:.3f} (top/bottom) and {span['left/right']:.3f} (left/right). The larger of the two effects of "
    f"anti-aliasing reported above is {largest:.3f}; unless that is several times as much, the comparison of the two networks "
    f"hangs on the choice, too. C = 0.0001 gives {stiff['top/bottom']:.2f} and {stiff['left/right']:.2f}. What is used here for speed, fewer "
    "coordinates and a growing set of positions, differs from scikit-learn's `SVC(kernel=\"linear\")` on all positions "
    f"and features as they are by {gap:.4f} at most ({len(exact)} objects)."
))  # fmt: skip

# %% [markdown]
# ## Checks
#
# What must hold for any network: features that do not change give exactly a coin's accuracy; features to which
# the coordinates are added give it all away; the swap test finds nothing in features that do not change; shuffled
# labels give a coin's accuracy; and the fast solver agrees with the plain one.

# %%
still = [probes.probe(np.ones((*grid, 4)), divide).accuracy for divide in probes.DIVIDES]
record.check("constant features, accuracy", max(abs(value - 0.5) for value in still), expected=0, tolerance=0, source="definition; |a - 0.5|")
added = np.concatenate([one, perfect], -1)
record.check_above("coordinates added, left/right", probes.probe(added, "left/right").accuracy, bound=0.97, source="sanity, ours")
known = min(probes.unseen([perfect, perfect + 0.01 * stride], divide).accuracy.min() for divide in probes.DIVIDES)
record.check("coordinates only, unseen", known, expected=1, tolerance=1e-9, source="sanity, ours")
empty = [probes.swap_test([np.ones((*grid, 4))] * len(scenes), divide, seed=seed).p_value for divide in probes.DIVIDES]
record.check("swap test of constant features, p", min(empty), expected=1, tolerance=0, source="nothing in them")
chance = np.mean([null[divide]["shuffled"] for divide in probes.DIVIDES])
# Deviation of one accuracy is at most 0.5 / sqrt(positions in a half): positions stray together, folds overlap
loose = 4 * 0.5 / np.sqrt(grid[0] * grid[1] / 2)
record.check("shuffled labels, accuracy", chance, expected=0.5, tolerance=loose, source="sanity, ours; four deviations of one draw")
record.check("fast against plain SVC, accuracy", gap, expected=0, tolerance=0.01, source="sklearn.svm.SVC, three objects")
every = np.concatenate([values for source in modes.values() for values in source.values()])
record.check("accuracies outside [0, 1]", int(((every < 0) | (every > 1)).sum()), expected=0, tolerance=0, source="definition")
panels.Folded("The checks, all of which hold", record.finish())

# %% [markdown]
# ## What this does not show
#
# - That the network *uses* the position. It can be read by a classifier made for that purpose; the network's
#   own answer may ignore it (notebook 4).
# - How *much* of the features is position. A direction that carries a thousandth of the variance is enough for
#   a linear classifier; cosines (notebook 1) look at all of it.
# - A shift-invariant network would give 0.5 here; the reverse does not hold: 0.5 for unseen objects could also
#   mean that each object encodes position in its own way.
# - Where position comes from (borders, training positions, object size). Notebook 7 asks that.
#
# ## Explore
#
# The signed distance of the first object from the classifier's plane: positive says "bottom" or "right" (unseen: with
# its own mean removed).

# %%
maps = {
    f"{divide}, {mode}, {kind}": source[kind, divide]
    for kind in both for divide in probes.DIVIDES
    for mode, source in (("same object", {key: each[0].decision for key, each in paper.items()}),
                         ("unseen", {key: each.decision[0] for key, each in level.items()}))
}  # fmt: skip
far = max(float(np.abs(each).max()) for each in maps.values())
look = {"limits": (-far, far), "cmap": plots.style.DIFFERENCE}  # white on the plane itself
panel = panels.MapPanel(maps, scenes[0], label="signed distance from the plane", stride=stride, **look)
panel

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
