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
# # 7. Causes: what buys invariance?
#
# **The question.** A network's <abbr title="the numbers that a layer of the network computes from one picture">features</abbr>
# flicker when an object moves by one pixel, and they drift when it moves across the frame
# ([notebook 5](05_local_global_lattice.ipynb)). What would have to be different for them not to?
#
# The paper compares networks that somebody else trained, so many things differ at once. A **cause** is what changes the
# outcome when nothing else is changed. So this project trained twelve small networks of its own
# ([notebook 11](11_embedded_networks.ipynb)) that differ in one thing at a time: three architectures, each with its objects
# near the centre in training or everywhere, each *off the shelf* (here: as it is usually built) and *anti-aliased* (the
# same with a blur before each step at which it drops pixels). And the border of a network's maps can be taken away without
# training it again. All of this is ours: a controlled experiment on small networks, not a survey of large ones.
#
# *The core takes ten minutes to read and about a minute to run on one CPU core; the part for sceptics is folded.*

# %% tags=["parameters"]
network: str = "demo_resnet"  # name, the network whose maps are shown and whose border is changed; any of networks.load
weights: str = "default"  # name, of that network: "centre" or "uniform" for an embedded one
layer: str = "fc"  # name, of that network: the layer that is measured
object_names: list = ["airplane", "cup", "flower", "knight", "scissors", "skull", "umbrella", "digit 3"]  # names
object_size: int = 48  # px, side of the objects
stride: int = 7  # px, between positions; odd, so that every place of the object on the grid is met
seed: int = 0  # integer, of all random numbers
device: str = "auto"  # name, cpu, cuda or auto
out: str = "../runs/lab"  # folder, where figures and numbers go

# %% [markdown]
# ## Set-up
#
# The twelve networks. Two that differ in the blur alone are **twins**: they have the same first weights, and saw the same
# scenes in the same order.

# %%
import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown, display

from helpers import features, networks, objects, records, runtime, shifting, similarity
from helpers.measures import padding, uncertainty, variation
from helpers.tools.training import scenes, seeds, train
from helpers.views import panels, plots

runtime.seed(seed)
given = {"network": network, "weights": weights, "layer": layer, "object_names": object_names}
given |= {"object_size": object_size, "stride": stride, "seed": seed}
if len(set(object_names)) < 2:
    raise ValueError(f"object_names {object_names}: objects are compared with each other, so give at least two")
kinds, student = {"off-the-shelf": False, "anti-aliased": True}, {"by": uncertainty.student}
trained = {
    (name, where, kind): networks.load(name, antialiased=smooth, weights=where)
    for name in networks.EMBEDDED for where in ("centre", "uniform") for kind, smooth in kinds.items()
}  # fmt: skip

# %%
variant = "centre" if weights == "default" else weights
chosen = {
    kind: trained.get((network, variant, kind)) or networks.load(network, antialiased=smooth, weights=weights)
    for kind, smooth in kinds.items()
}
plain = chosen["off-the-shelf"]
record = records.Record("07_causes", out, given, [*trained.values(), *chosen.values()], device=device)
panels.Folded("Versions", pd.Series(runtime.stamp()["packages"], name="version").to_frame().T)

# %% [markdown]
# ## One object
#
# This is what the networks learned from: the first scenes of their training. Above are those with the object near the
# *centre* of the frame, where photographers put it. Below are the same objects over the same backgrounds, *everywhere*.
# Nothing else differs between the two trainings.

# %%
places = {"centre": "at the centre", "uniform": "everywhere"}
drawn = {where: scenes.batch(0, 0, n=train.BATCH, positions=where) for where in places}
titles = [f"{objects.CLASSES[int(label)]}, {words}" for where, words in places.items() for label in drawn[where][1][:5]]
figure = plots.frames(torch.cat([frames[:5] for frames, _ in drawn.values()]), titles=titles, columns=5)
record.save_figure(figure, "training_scenes")
figure

# %% [markdown]
# ### Predict, then look
#
# A <abbr title="the layer type these networks are built of: the same small filter applied at every place of the picture">convolution</abbr>
# does the same everywhere. Two of the three architectures, ResNet and MobileNetV2, average their last map, which forgets
# the place; AlexNet flattens it. Does a network like that have to be *shown* its objects everywhere?

# %%
guess = panels.Guess({
    "Objects everywhere in training: how many times smaller is the change across the frame?": ["1", "2", "5", "10"],
    "And anti-aliasing?": ["1", "1.5", "3", "10"],
    "Over one pixel, which of the two makes the change smaller?": ["positions", "anti-aliasing", "both alike"],
    "A network loses the border of its maps, and is not trained again. How many answers stay right?": ["all", "some", "it depends on the network"],
})  # fmt: skip
guess

# %% [markdown]
# ## Method
#
# Features are compared by **cosine similarity**: 1 where they are proportional. *Global change* is measured on the scale
# of [notebook 5](05_local_global_lattice.ipynb), the **calibrated invariance**: it is 1 for an invariant network, and 0
# where an object moved is as different as another object in its place.
#
# $$ I = \frac{s - d}{1 - d} $$
#
# Here $s$ is the mean similarity of an object with itself at all other positions, and $d$ that of different objects at the
# same position. *Local change* is one minus the similarity over one pixel. **A cause is worth the factor** by which it
# makes $1 - I$, or the local change, smaller.
#
# By hand first, with two objects at two places: the centre of the frame and its corner.

# %%
things = [objects.load(name, object_size) for name in object_names]
both = [shifting.Paste(thing, next(iter(trained.values())).frame) for thing in things[:2]]
middle = [side // 2 for side in both[0].grid]
hand = {}
for where in places:
    net = trained["demo_resnet", where, "off-the-shelf"]
    moved, moved_too = (features.of_frames(net, each.render([middle, [0, 0]]), ["fc"], device=device)["fc"] for each in both)
    unit, other = similarity.normalise(moved), similarity.normalise(moved_too)
    s, d = float((unit[0] @ unit[1] + other[0] @ other[1]) / 2), float((unit * other).sum(1).mean())
    hand[f"ResNet, trained {places[where]}"] = {"s": s, "d": d, "I": (s - d) / (1 - d)}
pd.DataFrame(hand).T.style.format("{:.2f}")

# %% [markdown]
# ## Run
#
# `seeds.Protocol(...).measure(network)` does the same for all objects at all positions, at the layer that the paper uses
# for the kind of network: fc7 for AlexNet, the class scores for the others. It also counts right answers, and takes twelve
# steps of one pixel from random places.
#
# The networks that average, trained at the centre, are measured once more *without a border*. A convolution at the edge of
# a map needs values from beyond it, its **padding**: usually zeros, which tell it where the edge is. Here each map is
# continued by its own other side, so that there is no edge.

# %%
protocol = seeds.Protocol(object_names=tuple(object_names), object_size=object_size, stride=stride, seed=seed)
everyone = {(*key, "as trained"): each for key, each in trained.items()}
averaging = [key for key in trained if key[0] != "demo_alexnet" and key[1] == "centre"]
everyone |= {(*key, "no border"): padding.replace(trained[key], mode="circular") for key in averaging}
reached = {key: protocol.measure(each, device=device) for key, each in everyone.items()}

# %% [markdown]
# And one object at every fourth position, for the pictures.

# %%
scene, ways = shifting.Paste(things[0], plain.frame), {"trained at the centre": chosen}
ways["trained everywhere"] = {kind: trained.get((network, "uniform", kind), each) for kind, each in chosen.items()}
ways["no border"] = {kind: padding.replace(each, mode="circular") for kind, each in chosen.items()}
seen = {
    way: [features.extract(each, scene, [layer], stride=4, device=device, progress=False) for each in pair.values()]
    for way, pair in ways.items()
}

# %% [markdown]
# ## Results
#
# ### Six networks, one architecture
#
# Each map compares all positions of one object with the centre. A network to which the place means nothing would give a
# uniform square. To the right the training positions change, then the border; downwards the blur comes in.

# %%
maps = [[similarity.cosine_map(pair[k].layers[layer], "c") for pair in seen.values()] for k in range(2)]
figure = plots.heatmaps(maps, rows=list(kinds), columns=list(seen), stride=4, label=f"cosine with the centre, {scene.name}")
record.save_figure(figure, "maps")
figure

# %% [markdown]
# **What to look for.** Two things: the fall from the centre to the edge, and the fine texture. Which of the three changes
# acts on the fall, and which on the texture?
#
# ### First the price
#
# Taking the border away needs no training, and the map above at the right is flat. But steady is not right. These are the
# shares of positions at which the answer is right, before and after, in every training that there is of these networks:
# those that come with the workbook (seed 0), and others of which it keeps the numbers.

# %%
title = {"demo_alexnet": "AlexNet", "demo_resnet": "ResNet", "demo_mobilenet_v2": "MobileNetV2"}
own = pd.DataFrame([
    {"network": name, "positions": where, "antialiased": kinds[kind], "seed": 0, "border": border,
     **{measure: found[measure].mean() for measure in seeds.MEASURES}, "by_object": found["invariance"]}
    for (name, where, kind, border), found in reached.items()
])  # fmt: skip
kept = seeds.kept(protocol)
every = pd.concat([own, kept], ignore_index=True).astype({"antialiased": bool, "seed": int})
every["kind"] = every.antialiased.map({False: "off-the-shelf", True: "anti-aliased"})
price = every[every.network.isin(["demo_resnet", "demo_mobilenet_v2"]) & (every.positions == "centre")]
price = price.pivot_table(index=["network", "kind", "seed"], columns="border", values="accuracy", sort=False).dropna()
price.rename(index=title).style.format("{:.0%}").set_caption("positions with the right answer, trained at the centre")

# %%
tested = len(things) * reached["demo_resnet", "centre", "off-the-shelf", "no border"]["right"][0].size
resnet, mobile = (
    uncertainty.paired(*(reached[name, "centre", "off-the-shelf", border]["accuracy"] for border in seeds.BORDERS), **student)
    for name in ("demo_resnet", "demo_mobilenet_v2")
)
answers = {"above": 0, "unit": "share of positions", "counted": tested}
record.claim("price/ResNet", "Without its border the ResNet off the shelf loses right answers.", resnet, **answers)
record.claim("price/MobileNetV2", "So does the MobileNetV2 off the shelf.", mobile, **answers)

# %% [markdown]
# **Reading.** There is no one price. Nobody trained these networks with such a border, and what each makes of it seems to be
# a matter of the network, and of the luck of its training. So keep this table beside what comes next.
#
# ### What each network reaches, and what each cause buys
#
# Left: a dot is a network, with the *interval* of its mean over objects: how far off that may be, given how much the
# objects differ (Student's t, 95%). Right: how many times smaller each cause makes the change, all else held fixed; the
# interval is over objects, too. Rings are *other trainings*: on the left the same network from another seed, on the right
# the factor of every single pair of networks. How far rings lie apart is what intervals over objects cannot know.

# %%
pairs = {
    "trained everywhere,\nnot at the centre": [[key for key in reached if key[1] == where and key[3] == "as trained"] for where in places],
    "anti-aliasing": [[key for key in reached if key[2] == kind and key[3] == "as trained"] for kind in kinds],
    "no border (see its price;\nnot AlexNet)": [[(*key, border) for key in averaging] for border in seeds.BORDERS],
}
change = {
    "global: 1 − I": {key: 1 - found["invariance"] for key, found in reached.items()},
    "local: 1 px": {key: found["pixel"] for key, found in reached.items()},
}
factors = {
    measure: {
        cause: uncertainty.ratio(*(np.stack([values[key] for key in side], 1) for side in pair), **student)
        for cause, pair in pairs.items()
    }
    for measure, values in change.items()
}

# %%
every["global: 1 − I"], every["local: 1 px"] = 1 - every.invariance, every.pixel
as_trained = every[(every.border == "as trained") & every.positions.isin(places)]
averaged = every[(every.positions == "centre") & (every.network != "demo_alexnet")]
single = {measure: {} for measure in change}
for cause, column, sides, part in zip(
    pairs, ("positions", "kind", "border"), (places, kinds, seeds.BORDERS), (as_trained, as_trained, averaged), strict=True
):
    index = [each for each in ("network", "positions", "kind", "seed", "border") if each != column]
    for measure in change:  # two rows: without the cause, and with it
        single[measure][cause] = part.pivot_table(index=index, columns=column, values=measure)[list(sides)].dropna().to_numpy().T
rings = {measure: {cause: list(before / after) for cause, (before, after) in each.items()} for measure, each in single.items()}

# %%
points = pd.DataFrame([
    {"architecture": title[name], "training": "everywhere" if where == "uniform" else where, "kind": kind,
     "value": found.value, "low": found.low, "high": found.high,
     "others": list(every.query("seed > 0 and network == @name and positions == @where and border == @border and kind == @kind").invariance)}
    for (name, where, kind, border), values in reached.items() if border == "as trained"
    for found in [uncertainty.student(values["invariance"])]
])  # fmt: skip
figure = plots.by_cause(points, factors, label="calibrated invariance I", others=rings)
record.save_figure(figure, "answer")
figure

# %%
positions, blur, edge = factors["global: 1 − I"].values()
positions_pixel, blur_pixel, _ = factors["local: 1 px"].values()
display(Markdown(
    f"**Reading.** Across the frame, objects everywhere in training make the change {positions.times_smaller()}, and "
    f"anti-aliasing makes it {blur.times_smaller()}. Over one pixel, anti-aliasing makes it {blur_pixel.times_smaller()}."
))  # fmt: skip

# %%
smaller = {"above": 1, "unit": "times smaller"}
record.claim("positions/frame", "Training with objects everywhere makes the change across the frame smaller.", positions, **smaller)
record.claim("positions/pixel", "It makes the change over one pixel smaller, too.", positions_pixel, **smaller)
record.claim("blur/pixel", "Anti-aliasing makes the change over one pixel smaller.", blur_pixel, source="Zhang 2019", **smaller)
record.claim("blur/frame", "It makes the change across the frame smaller, too.", blur, **smaller)
record.claim("border/frame", "Taking the border away makes the change across the frame smaller.", edge, **smaller)

# %%
two = list(pairs.values())[:2]
ahead = {  # positions against anti-aliasing, object by object
    measure: uncertainty.ratio(
        *(np.stack([values[a] * values[b] for a, b in zip(two[0][i], two[1][1 - i], strict=True)], 1) for i in range(2)), **student
    )
    for measure, values in change.items()
}
record.claim(
    "positions over blur/frame", "Across the frame, training positions are worth more than anti-aliasing.",
    ahead["global: 1 − I"], above=1, unit="ratio",
)  # fmt: skip
record.claim(
    "blur over positions/pixel", "Over one pixel, anti-aliasing is worth more than training positions.",
    ahead["local: 1 px"], below=1, unit="ratio",
)  # fmt: skip
# %%
seen_from = {
    anchor: np.divide(*(np.stack([1 - reached[key][anchor] for key in side], 1) for side in two[1])) for anchor in ("centre", "corners")
}
gains = [np.divide(*(np.stack([values[key] for key in side], 1) for side in two[1])) for values in change.values()]
record.claim(
    "blur/pixel over frame", "Anti-aliasing gains more over one pixel than across the frame.",
    uncertainty.ratio(gains[1], gains[0], **student), above=1, unit="ratio",
)  # fmt: skip
record.claim(
    "blur/centre over corners", "Across the frame it gains more seen from the centre than seen from the corners.",
    uncertainty.ratio(seen_from["centre"], seen_from["corners"], **student), above=1, unit="ratio",
)  # fmt: skip

# %% [markdown]
# ### Training positions as a dose
#
# If training positions are a cause, then more of it should do more. Between the centre and everywhere lie scenes whose objects
# scatter about the centre more widely: their standard deviation along rows and columns is 6 px at the *centre*, then 12 and
# 24 px. (What would lie outside touches the border instead.) The same ResNet, off the shelf, with each of the four. Dots are
# one training each, and intervals are over objects.

# %%
doses = {"centre": "6 px (the centre)", "sigma12": "12 px", "sigma24": "24 px", "uniform": "everywhere"}
alone = every.query("network == 'demo_resnet' and seed == 0 and not antialiased and border == 'as trained'").set_index("positions")
missing = {dose: 1 - np.array(alone.by_object[where]) for where, dose in doses.items() if where in alone.index}
figure = plots.intervals(
    {"ResNet": {dose: uncertainty.ratio(each, np.ones_like(each), **student) for dose, each in missing.items()}},
    label="change across the frame, 1 − I (geometric mean over objects)", log=True,
)  # fmt: skip
record.save_figure(figure, "dose")
figure

# %%
levels = np.stack(list(missing.values()))
steps = levels[:-1] / levels[1:]  # times smaller, at each step and for each object
doubled, last = (uncertainty.ratio(each, np.ones_like(each), **student) for each in (steps[:2].min(0), steps[-1]))
record.claim("dose/doubled", "Twice the scatter makes the change across the frame smaller, each time it is doubled.", doubled, **smaller)
record.claim("dose/last", "From 24 px to everywhere, the change becomes smaller once more.", last, **smaller)

# %% [markdown]
# ### Causes, or the luck of a training?
#
# A training starts from random weights and sees random scenes, and with another seed it gives another network. So here the
# *pair of networks* is the unit, not the object: two that differ in one cause alone, each pair one vote, from all trainings
# that were measured. Of every network there are at least two.

# %%
over = {"over": "pairs of networks", **smaller}
votes = {measure: [uncertainty.ratio(*each, **student) for each in table.values()] for measure, table in single.items()}
whole, blurs, edges = votes["global: 1 − I"]
record.claim("trainings/positions/frame", "Pair by pair: objects everywhere make the change across the frame smaller.", whole, **over)
record.claim("trainings/blur/pixel", "Pair by pair: anti-aliasing makes the change over one pixel smaller.", votes["local: 1 px"][1], **over)
record.claim("trainings/blur/frame", "Pair by pair: it makes the change across the frame smaller.", blurs, **over)
record.claim("trainings/border/frame", "Pair by pair: without a border the change across the frame is smaller.", edges, **over)

# %% [markdown]
# **The answer.** Two different things are called shift invariance. Over one pixel, anti-aliasing is the stronger remedy of
# the two; across the frame, it is training with objects everywhere. Anti-aliasing helps across the frame, too, less than
# locally, and least as the corners see it. And it is at the corners that an object touches the border.
# [Notebook 6](06_layer_by_layer.ipynb) follows the change through the layers, and [notebook 8](08_remedies.ipynb) asks
# which remedies work without training a network again.
#
# ### Your guess beside it

# %%
guess.beside(
    positions.times_smaller(), blur.times_smaller(), f"positions {positions_pixel.times_smaller()}; anti-aliasing {blur_pixel.times_smaller()}",
    f"{price['no border'].min():.0%} to {price['no border'].max():.0%}, where {price['as trained'].min():.0%} to {price['as trained'].max():.0%} were",
)  # fmt: skip

# %% [markdown]
# ## Exercises
#
# **1.** Do the causes add up? If each works on its own, then together they are worth the *product* of their factors. Compare
# the network that has neither with the one that has both.
#
# <details><summary>A solution</summary>
#
# ```python
# for name in networks.EMBEDDED:
#     left = {key[1:3]: 1 - reached[key]["invariance"] for key in reached if key[0] == name and key[3] == "as trained"}
#     neither = left["centre", "off-the-shelf"]
#     each = [uncertainty.ratio(neither, left[key]).value for key in (("uniform", "off-the-shelf"), ("centre", "anti-aliased"))]
#     together = uncertainty.ratio(neither, left["uniform", "anti-aliased"])
#     print(f"{title[name]}: {each[0]:.1f} x {each[1]:.1f} = {each[0] * each[1]:.1f}; both: {together.times_smaller()}")
# ```
#
# The product is close to what both achieve: the blur works as well after the one training as after the other. The two
# causes act on different things.
#
# </details>
#
# **2.** Trained at the centre, the network has seen its objects within a few pixels of it. Where does it stop recognising
# them: where the training scenes end, or further out?
#
# <details><summary>A solution</summary>
#
# ```python
# right = reached["demo_resnet", "centre", "off-the-shelf", "as trained"]["right"]  # (objects, rows, columns)
# at = np.arange(right.shape[1]) * stride - both[0].grid[0] // 2  # px from the centre, along rows and columns
# furthest = np.maximum(abs(at[:, None]), abs(at[None, :]))
# for low, high in ((0, 6), (6, 12), (12, 24), (24, 36), (36, 41)):
#     ring = (furthest >= low) & (furthest < high)
#     if ring.any():
#         print(f"{low} to {high} px from the centre: {right[:, ring].mean():.0%} right")
# ```
#
# Scenes end at about 12 px, two standard deviations. Answers stay right much further out: there convolution does carry
# what was learned to new places. They fail near the border, where padding comes in.
#
# </details>
#
# ## Explore
#
# The six networks of the maps (the first menu has three of them, each with its twin). The *anchor* is the position that all
# others are compared with; put it anywhere.

# %%
panel = panels.SimilarityPanel(seen, subject="network")
panel

# %% [markdown]
# ## What this does not show
#
# - Three architectures are not a sample of architectures. They differ in depth, width and normalisation as well as in
#   flattening or averaging, so that this notebook names no cause for the differences between them.
# - Few trainings bound luck only loosely, and the intervals over them take each pair of networks for a draw of its own, though
#   pairs share scenes and seeds. The doses are one training each, of one network.
# - The border was taken away after training. A network trained without one may do something else with it.
# - Half of the training scenes are white or plain; objects are 40 to 56 px; there are forty shapes. On ImageNet, objects are
#   not at the centre as strictly as here, and not everywhere either.
# - The measure knows nothing of right and wrong: a network that gave the same features to everything could not be measured
#   by it at all, and a network that is steadily wrong would do well.

# %% [markdown] jp-MarkdownHeadingCollapsed=true
# ## For sceptics
#
# Controls and checks. In JupyterLab the arrow beside the heading opens them.

# %% [markdown]
# ### Every network, every training
#
# The numbers behind the picture, and the claims that go into the table of all networks in
# [notebook 9](09_published_study.ipynb).

# %%
from helpers.measures import claims

for (name, where, kind, border), found in reached.items():
    words = f"{title[name]}/trained {places[where]}/{kind}/{border}"
    record.count(f"accuracy/{words}", found["accuracy"].mean(), n=tested, unit="fraction")
    record.statistic(f"invariance I/{words}", found["invariance"].mean(), n=len(things), unit="I")
    record.statistic(f"1 − cosine at 1 px/{words}", found["pixel"].mean(), n=len(things), unit="1 - cosine")
effects = {}
for name, family in title.items():
    columns = [effects.setdefault(f"embedded {family}{claims.BLURRED * smooth}", {}) for smooth in kinds.values()]
    for finding, values in zip(("globally", "locally"), change.values(), strict=True):
        twins = (values[name, "centre", kind, "as trained"] for kind in kinds)
        columns[1][f"anti-aliasing, {finding}"] = uncertainty.ratio(*twins, **student)
    frames = change["global: 1 − I"]
    for kind, found in zip(kinds, columns, strict=True):
        found["training positions"] = uncertainty.ratio(*(frames[name, where, kind, "as trained"] for where in places), **student)
        if name != "demo_alexnet":
            found["padding"] = uncertainty.ratio(*(frames[name, "centre", kind, border] for border in seeds.BORDERS), **student)
claims.keep(record, effects)
numbers = every.pivot_table(index=["network", "positions", "kind", "border"], columns="seed", values=list(seeds.MEASURES), sort=False)
panels.Folded("Accuracy, invariance and change over one pixel, by training seed", numbers.rename(index=title).style.format("{:.4f}", na_rep=""))

# %% [markdown]
# Of one network, the ResNet, there are trainings enough for intervals *over trainings*: two of the same seed begin with the
# same random weights, and differ in one cause.

# %%
resnet = every[every.network == "demo_resnet"].pivot_table(
    index="seed", columns=["positions", "kind", "border"], values=["accuracy", *change], sort=False
)
frame, pixel = change


def both(measure, *, positions="centre", kind="off-the-shelf", border="as trained"):
    """The ResNet off the shelf, trained at the centre, and another one, by seed: (2, trainings)."""
    return resnet[measure][[("centre", "off-the-shelf", "as trained"), (positions, kind, border)]].dropna().to_numpy().T


if both(frame, kind="anti-aliased").shape[1] >= records.FEWEST:
    over = {"over": "trainings", **smaller}
    for name, sentence, pair in (
        ("positions", "Training by training: objects everywhere make the ResNet's change across the frame smaller.", both(frame, positions="uniform")),
        ("blur", "Training by training: so does anti-aliasing.", both(frame, kind="anti-aliased")),
        ("border", "Training by training: so does taking the border away.", both(frame, border="no border")),
        ("pixel", "Training by training: anti-aliasing makes the change over one pixel smaller.", both(pixel, kind="anti-aliased")),
    ):
        record.claim(f"over trainings/{name}", sentence, uncertainty.ratio(*pair, **student), **over)
    record.claim(
        "over trainings/price", "Training by training: taking the border away costs right answers.",
        uncertainty.paired(*both("accuracy", border="no border"), **student), over="trainings", **answers,
    )  # fmt: skip
display(resnet[frame].style.format("{:.3f}", na_rep="").set_caption(f"{frame}, ResNet, by training seed"))

# %% [markdown]
# ### Is it really the border?
#
# A convolution does the same everywhere, and an average forgets where. So why is the invariance of a network that averages
# not 1 from the start? For two reasons: the grid on which it drops pixels, and the border. They can be told apart. If an
# object moves by the largest of the network's **strides** (the distances in pixels between neighbouring points of its maps),
# it is at the same place on the grid again, and what changes is due to the border alone.
#
# "Shifting an image" means four things in the literature. Above is the object in the middle, below it has moved down and
# right. **Pasted**: the object moves, the background stays. **Cropped**: the camera moves, new scenery comes in.
# **Zero-filled**: black comes in. **Circular**: what leaves on one side comes back on the other.

# %%
from helpers.measures import movements
from helpers.objects import embedded

photo = "coffee.png"  # a photograph that comes with scikit-image
pixels = torch.from_numpy(embedded.photo_part(photo, held_out=True).copy()).permute(2, 0, 1)
scale = max(1, 2 * plain.frame / min(pixels.shape[1:]))
background = objects.Photo(objects.resize(pixels, tuple(round(scale * side) for side in pixels.shape[1:])), photo)
reach = plain.strides[-1]
moved = movements.moved(things[0], torch.tensor([[0, 0], [reach, reach]]), frame=plain.frame, background=background)
shown = torch.cat([torch.stack([batch[k] for batch in moved.values()]) for k in (0, 1)])
figure = plots.frames(shown, titles=[*moved, *[f"by {reach} px"] * 4], columns=4)
record.save_figure(figure, "boundaries")
figure

# %% [markdown]
# Now three paddings in the network that is already trained: **zeros**, as in training; **reflect**, each map mirrored at its
# edge; **circular**, which leaves no edge. Where every map is exactly the one before divided by its stride, and none is
# flattened, the circular network *must* not change when an object on white moves by the stride. That is an identity and no
# finding. It is among the checks below, and it tells that the rest of this figure comes from the border.

# %%
padded = {mode: padding.replace(plain, mode=mode) for mode in padding.MODES}
around = [(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if r or c]
shifts = torch.tensor([(0, 0), *around, *[(reach * r, reach * c) for r, c in around]])
lost = []
for (ground, backdrop), thing in [(each, thing) for each in {"white": "white", "photo": background}.items() for thing in things]:
    for boundary, frames in movements.moved(thing, shifts, frame=plain.frame, background=backdrop).items():
        for mode, each in padded.items():
            unit = similarity.normalise(features.of_frames(each, frames, [layer], device=device)[layer])
            drops = (unit[1:] - unit[:1]).double().square().sum(1) / 2  # 1 - cosine, exact near 0
            line = {"background": ground, "boundary": boundary, "padding": mode}
            lost.append(line | {"1 px": float(drops[:8].mean()), f"{reach} px": float(drops[8:].mean())})
lost = pd.DataFrame(lost)
means = {
    (ground, distance): lost[lost.background == ground].pivot_table(index="boundary", columns="padding", values=distance)
    .reindex(index=list(movements.NAMES), columns=list(padding.MODES))
    for distance in (f"{reach} px", "1 px") for ground in ("white", "photo")
}  # fmt: skip
shown = {f"{ground}, by {distance}": each for (ground, distance), each in means.items() if ground == "white" or distance != "1 px"}
figure = plots.conditions(shown, label="1 − cosine", log=True, digits=4)
record.save_figure(figure, "border")
figure

# %%
for (ground, distance), each in means.items():
    for mode, value in each.loc["pasted"].items():
        record.statistic(f"drop/{distance}/{ground}/pasted/{mode}", value, n=len(things), unit="1 - cosine")
steps = lost.query("background == 'white' and boundary == 'pasted'").groupby("padding")["1 px"]
left = uncertainty.ratio(*(steps.get_group(mode).to_numpy() for mode in ("circular", "zeros")), **student)
record.claim("pixel without border", "Most of the change over one pixel is still there without a border.", left, above=0.5, unit="fraction")
reasons = padding.obstacles(padded["circular"])
panels.Folded("What is in the way of exact circular padding in this network", pd.DataFrame({"obstacle": reasons or ["nothing"]}))

# %% [markdown]
# **Reading.** What circular padding takes away is the border's share; what it leaves over one pixel is the grid's. Black that
# comes in (*zero-filled*) is a change of its own, whatever the padding.
#
# ### Other paddings, and their price
#
# The chosen network over the whole frame, with each of the three paddings.

# %%
table = {}
by_mode = {mode: protocol.measure(each, layer=layer, device=device) for mode, each in padded.items()}
for mode, found in by_mode.items():
    each = uncertainty.student(found["invariance"])
    table[mode] = {"invariance I": f"{each.value:.2f}", "95%": f"{each.low:.2f} to {each.high:.2f}"}
    record.statistic(f"padding/invariance/{mode}", each.value, n=len(things), unit="I")
    if "accuracy" in found:
        share = record.count(f"padding/accuracy/{mode}", found["accuracy"].mean(), n=tested, unit="fraction")
        table[mode]["right answers"] = f"{share:.0%}"
record.claim(
    "paddings/circular", "Circular padding makes the features of this network more invariant.",
    uncertainty.paired(by_mode["circular"]["invariance"], by_mode["zeros"]["invariance"], **student), above=0, unit="I",
)  # fmt: skip
pd.DataFrame(table).T.rename_axis("padding")

# %% [markdown]
# ### Size of the object and background
#
# Calibrated invariance of the chosen network and its twin, for three sizes on two backgrounds, at positions twice as far apart
# as above. Larger objects have fewer places to go, so that sizes are compared over different ranges.

# %%
sizes = [object_size * 2 // 3, object_size, object_size * 4 // 3]
grounds = {"white": "white", "photo": background}
grown = {kind: pd.DataFrame(index=pd.Index(grounds, name="background"), dtype=float) for kind in kinds}
apart = {}
for (ground, backdrop), size in [(each, size) for each in grounds.items() for size in sizes]:
    spots = [shifting.Paste(objects.load(name, size), plain.frame, background=backdrop) for name in object_names]
    for kind, each in chosen.items():
        found = variation.calibrate([
            features.extract(each, spot, [layer], stride=2 * stride, device=device, progress=False).layers[layer] for spot in spots
        ])  # fmt: skip
        name = f"size and background/{ground}/{size} px/{kind}"
        grown[kind].loc[ground, f"{size} px"] = record.statistic(name, found.invariance.mean(), n=len(things), unit="I")
        apart[ground, size, kind] = found.different
for each in grown.values():
    each.columns.name = "size of the object"
figure = plots.conditions(grown, label="calibrated invariance I", digits=2)
record.save_figure(figure, "size_and_background")
figure

# %%
alike = uncertainty.paired(*(apart[ground, object_size, "off-the-shelf"] for ground in ("photo", "white")), **student)
record.claim("photo, different objects", "On a photo, different objects look more alike to the network than on white.", alike, above=0, unit="cosine")

# %% [markdown]
# ### Checks
#
# With circular padding and a circular shift by the whole stride, the features must not change at all. If they did, something
# in the rendering, the padding or the network would be wrong.

# %%
still = lost.query("boundary == 'circular' and padding == 'circular'")[f"{reach} px"].abs().max()
if not reasons:
    record.check("circular shift by the stride, circular padding: 1 - s", still, expected=0, tolerance=1e-5, source="equivariance; float32")
same = movements.moved(things[0], shifts, frame=plain.frame)
record.check("white: pasted, cropped and circular frames differ in", sum(
    int((same["pasted"] != same[other]).sum()) for other in ("cropped", "circular")
), expected=0, tolerance=0, source="plain background: the same picture")  # fmt: skip
best = max(float(found["invariance"].max()) for found in reached.values())
record.check_below("largest calibrated invariance", best, bound=1 + 1e-6, source="s is at most 1")
largest = max(float(each.abs().max()) for row in maps for each in row)
record.check_below("largest |cosine|", largest, bound=1 + 1e-5, source="Cauchy-Schwarz; float32 rounding")
panels.Folded("The checks, all of which hold", record.finish())

# %% [markdown]
# ## References and next
#
# - J. Lee, J. Yang, Z. Wang. What Does CNN Shift Invariance Look Like? A Visualization Study. ECCV 2020
#   workshops.
# - R. Zhang. Making Convolutional Networks Shift-Invariant Again. ICML 2019.
# - O. S. Kayhan, J. C. van Gemert. On Translation Invariance in CNNs: Convolutional Layers can Exploit Absolute
#   Spatial Location. CVPR 2020.
# - M. A. Islam, S. Jia, N. D. B. Bruce. How Much Position Information Do Convolutional Neural Networks Encode?
#   ICLR 2020.
#
# Next: what can be done about a network that is already trained? That is [notebook 8](08_remedies.ipynb).
