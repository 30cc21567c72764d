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
# # 8. Remedies: what can I do about it?
#
# **The question.** You take the <abbr title="the numbers that a layer of the network computes from one picture">features</abbr>
# of a network as it is, to compare pictures, to find them again, or to train something on top. By now you know that these
# change when the object moves. What can you do about it, what does it gain, and what does it cost?
#
# A dozen remedies are tried on the same objects at the same places. None of them trains the network on your data; most
# need no training at all. The paper proposes none of this but anti-aliasing: the comparison is ours.
#
# *The core takes ten minutes to read and about a minute and a half to run on one CPU core; the part for sceptics is folded.*

# %% tags=["parameters"]
network: str = "efficientnet_lite0"  # name, of networks.load with a twin: efficientnet_lite1, resnet50, demo_resnet, ...
layer: str = "pool"  # name, the layer that is compared; the class scores must come from it: pool or fc
object_names: list = ["motorcycle", "demitasse", "cat", "cameraman", "shuttle", "temple", "officer", "dahlia"]  # names, one of each photograph
photo_names: list = ["coffee", "chelsea", "motorcycle_left", "camera", "astronaut", "china", "grace_hopper", "flower", "rocket"]  # names
object_size: int = 75  # px, side of the objects
stride: int = 67  # px, between the places; odd, so that they stand differently on the network's grid
widest: int = 4  # px, side of the largest square of shifts that is averaged over
seed: int = 0  # integer, of all random numbers
device: str = "auto"  # name, cpu, cuda or auto
out: str = "../runs/lab"  # folder, where figures and numbers go

# %% [markdown]
# ## Set-up
#
# Five networks take part, all made from one. **EfficientNet-Lite0** is used *off the shelf*, as it was published. The
# **blur** puts a small blur before each step at which the network drops pixels, and trains nothing. Its *twin* has the
# same blur and was trained on with it, by this project, until it mostly agreed with the original: that is *anti-aliased*
# as Zhang (2019) meant it. The last two have another **padding**, which is what a map is filled up with beyond its
# edge before each filter: the map's own other side (*circular*) or its mirror image (*reflecting*) instead of zeros.

# %%
import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown, display

from helpers import features, networks, objects, records, runtime, shifting, similarity
from helpers.measures import padding, probes, remedies, uncertainty, variation
from helpers.views import panels, plots

runtime.seed(seed)
given = {"network": network, "layer": layer, "object_names": object_names, "photo_names": photo_names}
given |= {"object_size": object_size, "stride": stride, "widest": widest, "seed": seed}
plain = networks.load(network)
nets = {"off-the-shelf": plain, "blur, not trained": networks.antialias(plain), "anti-aliased twin": networks.load(network, antialiased=True)}
nets |= {"circular padding": padding.replace(plain, mode="circular"), "reflecting padding": padding.replace(plain, mode="reflect")}
record = records.Record("08_remedies", out, given, list(nets.values()), device=device)
versions = pd.Series(runtime.stamp()["packages"], name="version").to_frame().T
weights_of = pd.Series({name: each.weights for name, each in nets.items()}, name="weights").to_frame()
panels.Folded("Versions and weights", versions, weights_of)

# %% [markdown]
# ## One object
#
# Some remedies change the picture. A **larger frame** puts a margin of white around it, one step of the network's
# coarsest grid wide, so that nothing is near the border. **Cropping** to the object cuts the frame around it, so that the
# object is always in the middle. A detector's box is not exact: here it is off by up to two pixels, at random. (Grey is
# outside the picture.)

# %%
box_error, margin = 2, plain.strides[-1]
cutouts = [objects.load(name, object_size) for name in object_names]
scenes = [shifting.Paste(cutout, plain.frame) for cutout in cutouts]
larger = [shifting.Paste(cutout, plain.frame + 2 * margin) for cutout in cutouts]
middle = torch.tensor([(side - 1) // 2 for side in scenes[0].grid])
ends = torch.tensor([[0, 0], [1, 1]])
alike = torch.cat([scenes[0].render(ends), scenes[0].render(middle[None] + box_error)])
alike = torch.nn.functional.pad(alike, (margin,) * 4, value=190)
shown = torch.cat([alike, larger[0].render(ends[:1] + margin)])
titles = ["as it is", "moved by one pixel", "cropped to the object", "in a larger frame"]
figure = plots.frames(shown, titles=titles)
record.save_figure(figure, "pictures")
figure

# %% [markdown]
# ### Predict, then look
#
# One more remedy needs no new network: **average** the features over neighbouring shifts of the picture. And one needs no new
# picture: notebook 2 finds directions in which the features say where the object is. **Take them out.**

# %%
guess = panels.Guess({
    "Features averaged over 2 x 2 neighbouring shifts: how many times smaller is the change over one pixel?": ["1.2", "2", "4", "20"],
    "And the change over the whole frame?": ["1.2", "2", "4", "20"],
    "The eight directions that tell the position are taken out. How many times smaller is the change over the frame?": ["1", "1.5", "3", "10"],
    "Of a hundred photographs moved by one pixel, how many get another nearest neighbour?": ["0", "1", "5", "20"],
})  # fmt: skip
guess

# %% [markdown]
# ## Method
#
# A remedy that makes *all* features alike makes everything steady, and is worth nothing. So every change is measured
# against the change to another object. With $s_1$ the mean *cosine similarity* of an object's features over one pixel, $s$
# that over the whole frame, and $d$ that of *different* objects at the same place:
#
# $$ \text{local} = \frac{1 - s_1}{1 - d}, \qquad \text{global} = \frac{1 - s}{1 - d} = 1 - I $$
#
# ($I$ is the **calibrated invariance** of [notebook 5](05_local_global_lattice.ipynb).) A remedy's **gain** is how many
# times smaller the change becomes, object by object. Its **price** is threefold: right answers lost, answers that are no
# longer the untouched network's, and time, counted in arithmetic operations and not by a clock.
#
# By hand: two neighbouring places, and the averages over the 2 x 2 shifts at each. The network is as unsteady as before; the
# average is steadier because you paid for four looks at the picture.

# %%
strip = scenes[0].render(torch.tensor([[60, 60 + k] for k in range(3)] + [[61, 60 + k] for k in range(3)]))
patch = features.of_frames(plain, strip, [layer], device=device)[layer].view(2, 3, -1)
one = 1 - float(torch.cosine_similarity(patch[0, 0], patch[0, 1], dim=0))
first, second = torch.from_numpy(remedies.average(patch, 2)[0])
four = 1 - float(torch.cosine_similarity(first, second, dim=0))
display(Markdown(f"One pixel changes the features by {one:.4f}, and their averages by {four:.4f}: {one / four:.1f} times less."))

# %% [markdown]
# ## Run
#
# Every object at a lattice of places, and one pixel below and beside each, through all networks and in all pictures. For
# the averages, of which all shifts are needed, a dense square of shifts at the first few of these places: it holds the
# averages of every size at once.

# %%
shifts = remedies.neighbourhoods(scenes[0].grid, stride=stride, reach=widest)  # (rows, columns, widest + 1, widest + 1, 2)
walks = remedies.steps(shifts)  # (rows, columns, 3, 2)
places, dense = (torch.from_numpy(each.reshape(-1, 2)) for each in (walks, shifts[:2, :2]))
off = torch.from_numpy(np.random.default_rng(seed).integers(-box_error, box_error + 1, (len(scenes), len(places), 2)))
frames = {name: [scene.render(places) for scene in scenes] for name in nets}
frames["larger frame"] = [scene.render(places + margin) for scene in larger]
frames["cropped to the object"] = [scene.render(middle + each) for scene, each in zip(scenes, off, strict=True)]
near = {
    name: np.stack([features.of_frames(nets.get(name, plain), each, [layer], device=device)[layer].numpy() for each in every])
    for name, every in frames.items()
}
near = {name: each.reshape(len(scenes), *walks.shape[:-1], -1) for name, each in near.items()}
patches = [features.of_frames(plain, scene.render(dense), [layer], device=device)[layer].numpy() for scene in scenes]
patches = np.stack(patches).reshape(len(scenes), *shifts[:2, :2].shape[:-1], -1)
averaged = {k: remedies.steps(remedies.average(patches, k)) for k in range(1, widest + 1)}

# %% [markdown]
# For the directions of position, each object is asked about with those found on *the others* (ridge regression finds the
# two that predict row and column best, they are taken out, and it is asked again). Along these directions all features
# are set to the others' mean. Beside them as many random directions, drawn from the features' own distribution.

# %%
finer = (stride // 2) | 1  # odd
sweep = [features.extract(plain, scene, [layer], stride=finer, device=device, progress=False) for scene in scenes]
everywhere = torch.cartesian_prod(sweep[0].rows, sweep[0].cols).numpy()
vectors = np.stack([each.layers[layer].flatten(0, 1).numpy() for each in sweep])
counts = [count for count in (2, 8, 32) if count <= (len(scenes) - 2) * (len(everywhere) - 1)]
used, start = counts[1], near["off-the-shelf"]
taken = {count: remedies.without_position(start, vectors, everywhere, count=count) for count in counts}
chance = {count: remedies.without_position(start, vectors, everywhere, count=count, seed=seed) for count in counts}

# %% [markdown]
# ## Results
#
# ### What each remedy gains and costs
#
# A line is a remedy. Left: how many times smaller the change becomes, over one pixel and over the frame; left of the line,
# larger. Then its price: right answers won or lost, and answers that are no longer the untouched network's. At the right
# edge the time, as a multiple. Whiskers are *intervals*: how far off the mean over objects may be (95%, Student's t).

# %%
white = torch.full((1, 3, plain.frame, plain.frame), 255, dtype=torch.uint8)
blank = features.of_frames(plain, white, [layer], device=device)[layer][0].numpy()
found = {f"average of {k} × {k} shifts": averaged[k] for k in range(2, widest + 1)}
found |= {name: each for name, each in near.items() if name != "off-the-shelf"}
found |= {"blank frame subtracted": start, f"{used} directions of position out": taken[used]}
before = {name: averaged[1] if "average" in name else start for name in found}
as_it_is = {name: remedies.change(each) for name, each in before.items()}
changed = {name: remedies.change(each, blank=blank if "blank" in name else None) for name, each in found.items()}
student = {"by": uncertainty.student}
gains = {
    words: {name: uncertainty.ratio(getattr(as_it_is[name], part), getattr(changed[name], part), **student) for name in found}
    for words, part in (("local: over one pixel", "local"), ("global: over the frame", "overall"))
}
local, overall = gains.values()

# %%
targets = np.array([plain.class_index(cutout.label) for cutout in cutouts])[:, None]
said = {name: remedies.scores(nets.get(name, plain), layer, each).argmax(-1).reshape(len(scenes), -1) for name, each in found.items()}
untouched = {name: remedies.scores(plain, layer, each).argmax(-1).reshape(len(scenes), -1) for name, each in before.items()}
right = {name: [(said[name] == targets).mean(1), (untouched[name] == targets).mean(1)] for name in found}
same = {name: (said[name] == untouched[name]).mean(1) for name in found}
prices = {
    "right answers,\nmore or fewer": {name: uncertainty.paired(*right[name], **student) for name in found},
    "answers that\nchange": {name: uncertainty.student(1 - same[name]).within(0, 1) for name in found},
}
work = {name: remedies.operations(nets.get(name, plain), plain.frame + 2 * margin * ("larger" in name)) for name in found}
times = {name: each / remedies.operations(plain) for name, each in work.items()}
times |= {f"average of {k} × {k} shifts": k**2 for k in range(2, widest + 1)}

# %%
figure = plots.gain_and_price(gains, prices, times=times, label="change, times smaller")
record.save_figure(figure, "answer")
figure

# %%
best, cropped = f"average of {widest} × {widest} shifts", overall["cropped to the object"]
display(Markdown(
    "**Reading.** Two things can be bought, and not in the same shop. The widest average makes the change over one pixel "
    f"{local[best].value:.1f} times smaller, and that over the frame {overall[best].value:.1f} times. Cropping makes the change over the "
    f"frame {cropped.value:.1f} times smaller. And over one pixel? A box that trembles moves the object, too."
))  # fmt: skip

# %%
table = pd.DataFrame({
    "local gain": local, "global gain": overall, "right before": {name: each[1].mean() for name, each in right.items()},
    "right after": {name: each[0].mean() for name, each in right.items()},
    "same answer": {name: each.mean() for name, each in same.items()}, "time": times,
}).loc[list(found)]  # fmt: skip
table.style.format({"right before": "{:.2f}", "right after": "{:.2f}", "same answer": "{:.2f}", "time": "{:.2f}×"})

# %% [markdown]
# Gains above 1: smaller change. The averages are compared with the untouched features at their own places. And when is
# which of them of use?
#
# | remedy | when |
# |---|---|
# | average over shifts | single pictures, and time to spare; goes with every other remedy |
# | blur, not trained | for a first look at what a blur would do |
# | anti-aliased twin | you can train, or somebody has |
# | circular padding | pictures that go round: panoramas, textures |
# | reflecting padding | scenes that go on beyond the border, and a network trained with it |
# | larger frame | objects near the border of a plain ground |
# | cropped to the object | objects that can be found; then average against the trembling of the box |
# | blank frame subtracted | objects on one known ground, where raw cosines are to be read |
# | directions of position out | to hide the place from what comes after |
# | calibrated instead of raw cosine | always, to read a similarity. It changes no feature and no order of neighbours, so it gains nothing |
#
# ### Does it help to forget the position?
#
# Notebook 2 shows that features tell the position, even of unseen objects. Is that *why* they change? If it were, taking
# those directions out would make them steady.

# %%
both = {"directions of position": taken, "random directions": chance}
out_of = {words: {f"{count} directions": remedies.change(each) for count, each in every.items()} for words, every in both.items()}
whole = remedies.change(start)
without = {
    words: {name: uncertainty.ratio(whole.overall, each.overall, **student) for name, each in every.items()} for words, every in out_of.items()
}
figure = plots.intervals(without, label="change over the frame, times smaller", zero=1)
record.save_figure(figure, "ablation")
figure

# %%
centred = (vectors - vectors.mean(1, keepdims=True)).reshape(len(scenes), *sweep[0].layers[layer].shape)
ways = [remedies.position_directions(np.delete(vectors, i, axis=0), everywhere, count=used) for i in range(len(scenes))]
blind = [remedies.ablate(centred, each, mean=0) for each in ways]  # all objects, without what the others of one tell
told = probes.locate_unseen(centred, stride=finer, alpha=1e-3).r2[:, 0]
after = [probes.locate_unseen(each, stride=finer, alpha=1e-3).r2[i, 0] for i, each in enumerate(blind)]
display(Markdown(
    f"**Reading.** Before, the row of an unseen object is told with an R² of {np.mean(told):.2f} (1: exactly; 0: not at all), after {used} "
    f"directions are out with {np.mean(after):.2f}. Did the features get steadier? (Mind the axis: all of it is near 1.)"
))  # fmt: skip
record.claim(
    "ablation/row", "Without these directions, the row of an unseen object is told less well.",
    uncertainty.paired(told, after, **student), above=0, unit="R²",
)  # fmt: skip
record.claim(
    "ablation", "Taking out the directions that tell the position makes the change over the frame smaller by a tenth at most.",
    without["directions of position"][f"{used} directions"], below=1.1, unit="times smaller",
)  # fmt: skip

# %% [markdown]
# **The surprise.** What can be *read* of the position is a small part of what *changes* with it. The code that all objects
# share, by which a probe tells the row, is a few directions out of many; most of the change is each object's own.
# Notebook 2's high accuracy is no cause of the change, and hiding the position is no cure.
#
# ### Finding a photograph again
#
# Four crops of each photograph, at the corners, are compared with the crops of all *other* photographs; then the crop
# moves by one pixel. How often is its nearest neighbour another? (One photograph, one vote.)

# %%
photos = [shifting.Crop(objects.photograph(name, 2 * plain.frame), plain.frame) for name in photo_names]
crops = remedies.neighbourhoods(photos[0].grid, stride=photos[0].grid[0] - 2, reach=2)  # (2, 2, 3, 3, 2)
moves = {name: crops if net is plain else remedies.steps(crops) for name, net in nets.items()}
seen = {
    name: np.stack([
        features.of_frames(nets[name], photo.render(torch.from_numpy(at.reshape(-1, 2))), [layer], device=device)[layer].numpy() for photo in photos
    ]).reshape(len(photos), *at.shape[:-1], -1)
    for name, at in moves.items()
}  # fmt: skip
squares, hidden = seen["off-the-shelf"], remedies.position_directions(vectors, everywhere, count=used)
pictures = {"off-the-shelf": remedies.steps(squares), "average of 2 × 2 shifts": remedies.steps(remedies.average(squares, 2))}
pictures |= {name: each for name, each in seen.items() if name not in pictures}
pictures["blank frame subtracted"] = pictures["off-the-shelf"] - blank
pictures[f"{used} directions of position out"] = remedies.ablate(pictures["off-the-shelf"], hidden, mean=vectors.mean((0, 1)))
crop_of = np.repeat(photo_names, crops.shape[0] * crops.shape[1])
walked = {name: each.reshape(len(crop_of), 3, -1) for name, each in pictures.items()}
turned = {
    name: list(remedies.neighbour_changes(each[:, 0], each[:, 1:], groups=crop_of).values()) for name, each in walked.items()
}
shares = {name: uncertainty.student(each).within(0, 1) for name, each in turned.items()}
figure = plots.intervals({"": shares}, label="another nearest neighbour after one pixel, share of moves")
record.save_figure(figure, "neighbours")
figure

# %%
two = "average of 2 × 2 shifts"
for name, each in shares.items():
    record.count(f"another neighbour/{name}", each.value, n=2 * len(crop_of), unit="fraction")
display(Markdown(
    f"**Reading.** Off the shelf, {shares['off-the-shelf'].value:.1%} of the moves change the nearest neighbour; with averages over "
    f"2 x 2 shifts {shares[two].value:.1%}. The intervals are wide: these are few photographs. A neighbour changes where two are about "
    "equally near, and then either may do."
))  # fmt: skip

# %% [markdown]
# ### The advice, in five sentences
#
# Each with the measurement that it stands on.

# %%
record.claim("advice/average", "Against single pixels, average over shifts: four of them make the change more than twice smaller.", local[two], above=2, unit="times smaller")
record.claim(
    "advice/crop", "Against the frame, crop to the object: even with a box two pixels off, the change becomes more than twice smaller.",
    overall["cropped to the object"], above=2, unit="times smaller",
)  # fmt: skip
record.claim("advice/larger frame", "Where it can't be cropped, give it a margin: in a larger frame the change over the frame is smaller.", overall["larger frame"], above=1, unit="times smaller")
record.claim(
    "advice/training", "Do not blur without training: the change over the frame becomes larger.",
    overall["blur, not trained"], below=1, unit="times smaller",
)  # fmt: skip
record.claim(
    "advice/padding", "Do not exchange the padding of a trained network for the mirror image: the change over the frame does not get smaller.",
    overall["reflecting padding"], below=1, unit="times smaller",
)  # fmt: skip

# %% [markdown]
# ### Your guess beside it

# %%
guess.beside(
    local[two].times_smaller(), overall[two].times_smaller(), without["directions of position"][f"{used} directions"].times_smaller(digits=2),
    f"{shares['off-the-shelf'].value:.1%} of the moves (0 to 1: {shares['off-the-shelf']})",
)

# %% [markdown]
# ## Exercises
#
# **1.** Is it the *number* of shifts that matters? Average two features two pixels apart instead of two neighbours, and
# compare the change over one pixel with that of the pairs of neighbours. The network's finest grid has a step of 2 px.
#
# <details><summary>A solution</summary>
#
# ```python
# line = patches[..., 0, :, :].astype(float)  # one row of each dense square
# for apart in range(1, line.shape[-2] - 1):
#     means = (line[..., :-apart, :] + line[..., apart:, :]) / 2
#     unit = means / np.linalg.norm(means, axis=-1, keepdims=True)
#     print(apart, "px apart:", round(float(np.square(unit[..., 1, :] - unit[..., 0, :]).sum(-1).mean() / 2), 5))
# ```
#
# Two pixels apart, both features stand alike on the finest grid, so that its part does not average out. One or three
# pixels apart it does. It is the *phases* of the grid that have to be met.
#
# </details>
#
# **2.** Put two remedies together: the twin in the larger frame. Do the gains multiply?
#
# <details><summary>A solution</summary>
#
# ```python
# twin = nets["anti-aliased twin"]
# both = [features.of_frames(twin, each, [layer], device=device)[layer].numpy() for each in frames["larger frame"]]
# both = remedies.change(np.stack(both).reshape(start.shape))
# print("local", uncertainty.ratio(whole.local, both.local, by=uncertainty.student), "alone", local["anti-aliased twin"], local["larger frame"])
# print("global", uncertainty.ratio(whole.overall, both.overall, by=uncertainty.student), "alone", overall["anti-aliased twin"], overall["larger frame"])
# ```
#
# The blur acts on the grid, the margin on the border: two causes, two remedies, and each does its part.
#
# </details>
#
# ## Explore
#
# The first object over the frame: how similar it is to itself in the middle, on the scale on which another object is 0. Choose
# two remedies to compare.

# %%
closely = {name: features.extract(net, scenes[0], [layer], stride=finer, device=device, progress=False).layers[layer] for name, net in nets.items()}
closely["blank frame subtracted"] = closely["off-the-shelf"] - torch.from_numpy(blank)
others_mean = vectors[1:].mean((0, 1))
closely[f"{used} directions of position out"] = torch.from_numpy(remedies.ablate(closely["off-the-shelf"], ways[0], mean=others_mean))
apart = {name: float((changed[name] if name in changed else whole).different[0]) for name in closely}
maps = {name: (similarity.cosine_map(each, "c") - apart[name]) / (1 - apart[name]) for name, each in closely.items()}
panel = panels.MapPanel(maps, scenes[0], label="similarity to the centre, calibrated", stride=finer)
panel

# %% [markdown]
# ## What this does not show
#
# - Fine-tuning. If you may train, train with shifted pictures: notebook 7 has what that gains on small networks.
# - Objects on a busy ground. There, cropping keeps some of the ground, a margin needs a colour, and a blank frame is unknown.
# - That the answers that are kept are good ones. Two of the eight objects the network hardly knows on white, before any remedy.
# - More than the mean over few places: the gains are over objects like these, at nine places each (the averages at four).
# - What a detector costs, and how often it misses: the box here is always there.
# - Nearest neighbours in a large collection. The more pictures, the more of them are about equally near.

# %% [markdown] jp-MarkdownHeadingCollapsed=true
# ## For sceptics

# %% [markdown]
# ### The numbers that are kept
#
# Gains and answers of every remedy, so that the next run can be held against this one.

# %%
for name in found:
    record.statistic(f"gain/local/{name}", local[name].value, n=len(scenes), unit="times smaller")
    record.statistic(f"gain/global/{name}", overall[name].value, n=len(scenes), unit="times smaller")
    record.count(f"same answer/{name}", same[name].mean(), n=said[name].size, unit="fraction")

# %% [markdown]
# ### By the raw cosine
#
# The same gains as anybody would first compute them, $1 - s$ before over $1 - s$ after, beside the calibrated ones, and $d$, the
# similarity of different objects. A remedy that raises $d$ looks better by the raw cosine than it is.

# %%
raw = {name: uncertainty.ratio(as_it_is[name].pixel, changed[name].pixel, **student) for name in found}
compared = pd.DataFrame({"over one pixel, raw": raw, "calibrated": local})
compared["d before"], compared["d after"] = ([each[name].different.mean() for name in found] for each in (as_it_is, changed))
display(compared.style.format({"d before": "{:.2f}", "d after": "{:.2f}"}))
display(Markdown(
    "**Reading.** Watch *d*. Where a remedy makes different objects more alike, the raw gain is above the calibrated one; where it makes "
    "them less alike, below."
))  # fmt: skip

# %% [markdown]
# ### More directions, and random ones
#
# What is lost with the directions. *Right*: the share of right answers; *same*: the share of answers that are the untouched
# network's.

# %%
rows = {"none": {"right": np.mean(right["larger frame"][1]), "same": 1.0}}
for words, every in {"of position": taken, "random": chance}.items():
    for count, each in every.items():
        answers = remedies.scores(plain, layer, each).argmax(-1).reshape(len(scenes), -1)
        rows[f"{count} {words}"] = {"right": (answers == targets).mean(), "same": (answers == untouched["larger frame"]).mean()}
display(pd.DataFrame(rows).T.rename_axis("directions out").style.format("{:.2f}"))
record.claim(
    "ablation/random", "They gain as little as random directions: within a tenth.",
    uncertainty.ratio(*(out_of[words][f"{used} directions"].overall for words in ("random directions", "directions of position")), **student),
    above=1 / 1.1, below=1.1, unit="times smaller",
)  # fmt: skip

# %% [markdown]
# ### Why averages gain what they cost
#
# Two averages over $k$ x $k$ shifts, one pixel apart, share all but their outermost lines. What is left is the change of one
# line of shifts over $k$ pixels, divided by $k$; in $1 - s$, which is a square, by $k^2$. So an average gains $k^2$, just what it costs,
# where features $k$ pixels apart differ as much as neighbours do; less where they differ more, and more where the grid brings
# them back.

# %%
base = remedies.change(averaged[1])
factors = {k: uncertainty.ratio(base.pixel, remedies.change(averaged[k]).pixel, **student) for k in range(2, widest + 1)}
ends_of = {k: np.stack([patches[..., 0, 0, :], patches[..., k, 0, :], patches[..., 0, k, :]], -2) for k in factors}
foretold = {k: k**2 * (base.pixel / remedies.change(each).pixel).mean() for k, each in ends_of.items()}
pd.DataFrame({"gain, measured": factors, "k²": {k: k**2 for k in factors}, "k² × change over 1 px / over k px": foretold}).rename_axis("k")

# %% [markdown]
# ### Do few places stand for the frame?
#
# The change over the frame, off the shelf, from the places used above and from the finer lattice that the directions were found on.

# %%
finer_found = variation.calibrate([each.layers[layer] for each in sweep])
few, more = uncertainty.student(whole.overall), uncertainty.student(1 - finer_found.invariance)
for words, each in {"few places": few, "more places": more}.items():
    record.statistic(f"1 - I/{words}", each.value, n=len(scenes), unit="share")
display(pd.Series({f"{walks[..., 0, 0].size} places": few, f"{len(everywhere)} places": more}, name="1 − I").astype(str).to_frame())

# %% [markdown]
# ### Checks
#
# Behind an exact box no change is left; averages of one shift are the features; directions are orthonormal; what the head gives to
# the features are the network's own scores; a larger frame costs what its area does.

# %%
exact = torch.roll(scenes[0].render(ends[:1])[0], tuple(middle.tolist()), (1, 2)) != scenes[0].render(middle[None])[0]
record.check("cropped by an exact box from the corner, pixels that differ", float(exact.sum()), expected=0, tolerance=0, source="the same picture: no change left")
alone = float(np.abs(averaged[1] - remedies.steps(patches)).max())
record.check("averages of one shift, largest difference", alone, expected=0, tolerance=1e-6, source="definition; float32")
record.check("directions, largest |QᵀQ - 1|", float(np.abs(ways[0].T @ ways[0] - np.eye(used)).max()), expected=0, tolerance=1e-9, source="orthonormal; float64")
heads = features.of_frames(plain, strip, list({layer: 0, plain.logits: 0}), device=device)
apart_by = float(np.abs(remedies.scores(plain, layer, heads[layer]) - heads[plain.logits].numpy()).max() / heads[plain.logits].abs().max())
record.check("scores of the head, relative difference", apart_by, expected=0, tolerance=1e-4, source="the same layer; float32")
share = times["larger frame"] / (1 + 2 * margin / plain.frame) ** 2
record.check("larger frame, operations over area", share, expected=1, tolerance=0.05, source="convolutions; maps round up")
record.check_below("largest d", max(float(each.different.max()) for each in changed.values()), bound=1 + 1e-6, source="Cauchy-Schwarz; float32")
panels.Folded("The checks, all of which hold", record.finish())

# %% [markdown]
# ## References and next
#
# - J. Lee, J. Yang, Z. Wang. What Does CNN Shift Invariance Look Like? A Visualization Study. ECCV 2020 workshops.
# - R. Zhang. Making Convolutional Networks Shift-Invariant Again. ICML 2019.
# - S. Ravfogel, Y. Elazar, H. Gonen, M. Twiton, Y. Goldberg. Null It Out: Guarding Protected Attributes by Iterative Nullspace
#   Projection. ACL 2020.
# - A. Azulay, Y. Weiss. Why do deep convolutional networks generalize so poorly to small image transformations? JMLR 20, 2019.
#
# Next: what the authors' own maps say about all of this: [notebook 9](09_published_study.ipynb).
