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
# # 4. What does the classifier say?
#
# **The question.** A network's <abbr title="the numbers that a layer computes from one picture">features</abbr> change when
# the object moves ([notebook 1](01_similarity_maps.ipynb)). Does its *answer*?
#
# A classifier gives each class a score, and answers with the class that has the largest. It may give the same answer to
# different features, so it could be steady where they are not. The paper shows the answer as the layer "class" of its
# website: the probability of the object's class, at every position (Lee, Yang and Wang 2020). Others have asked whether
# it changes in one pixel (Azulay and Weiss 2019), and whether it is the same at two random shifts (Zhang 2019).
#
# *The core takes ten minutes to read and about two minutes to run on one CPU core; the part for sceptics is folded.*

# %% tags=["parameters"]
network: str = "efficientnet_lite0"  # name, of networks.load
weights: str = "default"  # name, the usual ones; of an embedded network (demo_...) also "uniform"
object_names: list = ["motorcycle", "espresso", "cat", "cameraman", "shuttle", "temple", "officer", "dahlia", "rocket"]  # names, the first is shown in full
object_size: int = 125  # px, side of the object; 75 and 125 are the paper's small and large ones
stride: int = 4  # px, between the positions of the first object over the whole frame
reach: int = 5  # px, largest shift of all objects, each way, in steps of one pixel
window: int = 6  # px, side of the square from which pairs of these shifts are taken
seed: int = 5  # integer, of the backgrounds and the random shifts
device: str = "auto"  # name, cpu, cuda or auto
out: str = "../runs/lab"  # folder, where figures and numbers go

# %% [markdown]
# ## Set-up
#
# Two networks take part: EfficientNet-Lite0 as it was published (<abbr title="as its authors trained and published it;
# of a small network of this workbook's own: without the blur">off the shelf</abbr>), and its **twin**, the same network
# made *anti-aliased*: with a little blur before each step at which it drops pixels. The twin is this project's own, and
# gives the original's answer to most pictures, but not to all.

# %%
import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown, display

from helpers import features, networks, objects, records, runtime, shifting
from helpers.measures import consistency, published, uncertainty, variation
from helpers.views import panels, plots

runtime.seed(seed)
if len(object_names) < 2:
    raise ValueError(f"object_names {object_names}: give at least two, for an interval over them")
given = {"network": network, "weights": weights, "object_names": object_names, "object_size": object_size}
given |= {"stride": stride, "reach": reach, "window": window, "seed": seed}
kinds = ["off-the-shelf", "anti-aliased"]
nets = {kind: networks.load(network, antialiased=kind == kinds[1], weights=weights) for kind in kinds}
first = nets[kinds[0]]
record = records.Record("04_classifier_answers", out, given, list(nets.values()), device=device)
used = pd.DataFrame({"weights": {kind: net.weights for kind, net in nets.items()}})
panels.Folded("Versions and weights", pd.Series(runtime.stamp()["packages"], name="version").to_frame().T, used)

# %% [markdown]
# ## One object
#
# Each object is cut out of a photograph of its own and carries the ImageNet class that counts as **right**; where
# ImageNet has no class for the thing, its nearest (a moped for the motorcycle, a tripod for the cameraman behind it). Six
# of the nine were chosen because the network knows them in the middle of a white frame; the last three it does not know.
#
# The motorcycle is moved over the whole of a white frame, as in the paper. All objects are moved, pixel by pixel, by up
# to `reach` pixels each way, from a start half-way to the bottom right corner, over a faded photograph that is not
# their own. These are the start and the furthest shifts:

# %%
room, rng = first.frame - object_size, np.random.default_rng(seed)
at = room // 2 + room // 4  # row and column of the start
one_axis = torch.arange(-reach, reach + 1)
shifts, scenes = torch.cartesian_prod(one_axis, one_axis), {}  # (row, col) in px, down and right
for name in object_names:
    cutout = objects.load(name, object_size)
    own = objects.PHOTOGRAPHED.get(name, (None,))[0]  # the photograph it is cut out of
    others = [title for title, file in objects.PHOTOGRAPHS.items() if file != own]
    photo = objects.photograph(others[rng.integers(len(others))], 2 * first.frame).rgb[:, : first.frame, : first.frame]
    scenes[name] = shifting.Paste(cutout, first.frame, background=objects.Photo(192 + photo // 4, "faded photo"))
scene = shifting.Paste(objects.load(object_names[0], object_size), first.frame)
targets = [first.class_index(scenes[name].label) for name in object_names]
shown = [0, len(shifts) // 2, -1]
titles = [f"by ({row}, {col}) px" for row, col in shifts[shown].tolist()]
figure = plots.frames(scenes[object_names[0]].render(at + shifts[shown]), titles=titles)
record.save_figure(figure, "start")
figure

# %% [markdown]
# ### Predict, then look
#
# The three pictures look the same to you. Will the network say the same of them?

# %%
guess = panels.Guess({
    "An object moves by one pixel. In how many of a hundred steps does the answer change?": ["0", "1", "5", "20"],
    "Which step changes the answer more often: one as long as the largest stride, or an eighth shorter?": ["the stride", "the shorter", "both alike"],
    "How often is the answer the same at two random shifts?": ["50%", "80%", "95%", "100%"],
    "How much steadier are the answers of the anti-aliased twin?": ["much", "a little", "not at all"],
})  # fmt: skip
guess

# %% [markdown]
# ## Method
#
# The network gives each class $k$ a score $z_k$. The answer is the class with the largest score, and its
# **probability** comes from the scores by the <abbr title="each score's exponential, divided by the sum of all">softmax</abbr>:
#
# $$ P_k = \frac{e^{z_k}}{\sum_j e^{z_j}}, \qquad \text{answer} = \arg\max_k z_k $$
#
# **Consistency** (Zhang) is the chance that two shifts, drawn at random from a square of $w \times w$ positions, get the
# same answer. If $n_k$ of the square's positions are answered with $k$, all pairs can be counted, and nothing needs to
# be drawn; the mean is over all squares that fit.
#
# $$ C = P\big(\text{answer}(p) = \text{answer}(q)\big) = \sum_k \Big(\frac{n_k}{w^2}\Big)^2 $$
#
# First by hand: one network, one object, six pixels in a row.

# %%
target, steps = targets[0], [[at, at + step] for step in range(6)]
strip = features.of_frames(first, scenes[object_names[0]].render(steps), [first.logits], device=device)[first.logits][None]
said = consistency.answers(strip)[0].tolist()
likely = consistency.probability_map(strip, target=target)[0].tolist()
rows = {"answer": [first.labels[k] for k in said], f"P({first.labels[target]})": likely}
pd.DataFrame(rows, pd.Index(range(6), name="px to the right")).T

# %% [markdown]
# ## Run
#
# The first object over all of the white frame, in steps of `stride` pixels. Then, of each object, the answers at all
# small shifts (`near`), and after a few longer steps from random positions of the white frame (`changed`): one pixel, the
# largest of the network's <abbr title="the steps, in pixels of the picture, at which the network drops pixels">strides</abbr>
# that fits, and an eighth less than that.

# %%
full = {kind: features.extract(net, scene, [net.logits], stride=stride, device=device) for kind, net in nets.items()}
full = {kind: each.layers[first.logits] for kind, each in full.items()}
largest = max(each for each in first.strides if each <= min(scene.grid) // 2)
lengths = [1, largest - max(1, largest // 8), largest]  # px
walks = torch.from_numpy(variation.walks(scene.grid, lengths, count=6, seed=seed))
near, changed = {kind: [] for kind in kinds}, {kind: [] for kind in kinds}
for (kind, net), name in [(each, name) for each in nets.items() for name in object_names]:
    white = shifting.Paste(objects.load(name, object_size), first.frame).render(walks.reshape(-1, 2))
    frames = torch.cat([scenes[name].render(at + shifts), white])
    answers = consistency.answers(features.of_frames(net, frames, [net.logits], device=device)[net.logits][None])[0]
    near[kind].append(answers[: len(shifts)].view(len(one_axis), -1))
    walked = answers[len(shifts) :].view(walks.shape[:2])
    changed[kind].append((walked[:, 1:] != walked[:, :1]).view(len(walks), 2, -1).double().mean((0, 1)).tolist())
near, changed = {kind: torch.stack(near[kind]) for kind in kinds}, {kind: np.array(changed[kind]) for kind in kinds}

# %% [markdown]
# ## Results
#
# ### The probability of the right answer
#
# The paper's layer "class": the object, pasted on white, moved over the whole frame. Both maps share their colours.

# %%
probability = {kind: consistency.probability_map(logits, target=target) for kind, logits in full.items()}
quantity = f"P({first.labels[target]})"
figure = plots.heatmaps([list(probability.values())], rows=[""], columns=kinds, stride=stride, label=quantity)
record.save_figure(figure, "probability")
figure

# %%
half = tuple((side - 1) // 2 for side in probability[kinds[0]].shape)
middle, mean, low = (float(each) for each in (probability[kinds[0]][half], probability[kinds[0]].mean(), probability[kinds[0]].min()))
for kind, each in probability.items():
    record.value(f"probability/mean/{kind}", float(each.mean()), unit="probability")
display(Markdown(
    f"**Reading.** Off the shelf the right class has the probability {middle:.2f} in the middle, {mean:.2f} on average "
    f"and {low:.2f} at the worst position. Where test pictures have their objects in the middle, only the first of these "
    "is ever measured."
))  # fmt: skip

# %% [markdown]
# ### The published maps
#
# The same for the paper's networks, in the authors' own 16 maps: a strawberry that moves over white, and a military jet in
# a photograph over which the frame moves as a camera does. The colours go from 0 to 1. The maps are drawn where the authors'
# files are at hand ([notebook 9](09_published_study.ipynb) can download them); otherwise the cell shows nothing.

# %%
theirs = published.find_maps()
columns = [f"{each}{blur}" for each in ("alexnet", "vgg16", "resnet50", "mobilev2") for blur in ("", "AA")]
keys = [[f"{each}/class/{thing}/br" for each in columns] for thing in ("berry", "plane")]
if all(key in theirs for row in keys for key in row):
    maps = [[theirs[key][::2, ::2] for key in row] for row in keys]
    names = [each.replace("AA", "\nanti-aliased") for each in columns]
    figure = plots.heatmaps(maps, rows=["strawberry", "warplane"], columns=names, stride=[2, 2], label="P(right class)", limits=(0, 1))
    record.save_figure(figure, "published")
    display(figure)

# %% [markdown]
# The strawberry is recognised nearly everywhere: where an answer is sure, it hides what the features do. The jet is not so
# sure. There the lattice of the strides shows, most in ResNet-50; of each pair of maps the right one is anti-aliased.
#
# ### The answer, and where it changes
#
# The same positions as in the first figure, now only the answer: pale where it is right, coloured where it is another
# class. A black line runs between neighbouring positions whose answers differ: there a step of a few pixels decides.

# %%
said = {kind: consistency.answers(logits) for kind, logits in full.items()}
figure = plots.answer_maps([list(said.values())], rows=[""], columns=kinds, names=first.labels, target=target, stride=stride)
record.save_figure(figure, "answers")
figure

# %%
right = {kind: each == target for kind, each in said.items()}
crossings = {kind: (each[:, 1:] != each[:, :-1]).sum(1) for kind, each in right.items()}
crossed = {kind: float((each > 2).double().mean()) for kind, each in crossings.items()}
for kind, share in crossed.items():
    record.count(f"white/accuracy/{kind}", float(right[kind].double().mean()), n=right[kind].numel(), unit="share of positions")
    record.count(f"white/rows crossed more than twice/{kind}", share, n=len(crossings[kind]), unit="share of rows")
display(Markdown(
    "**Reading.** Once, or back and forth? Follow the object along a row from left to right. If it were recognised in one "
    "region, the answer would go from wrong to right and back at most once each. Off the shelf it goes more often in "
    f"{crossed[kinds[0]]:.0%} of the rows, anti-aliased in {crossed[kinds[1]]:.0%}."
))  # fmt: skip

# %% [markdown]
# ### Is it only this object?
#
# Now all nine, with the object as the unit, at their small shifts over the faded photographs: how often the answer is
# right; how often two shifts get the same answer; and how often one diagonal pixel changes it (Azulay and Weiss). A dot is
# the mean over the objects, the line its 95% **interval**: how far off that mean may be, given how much the objects differ
# (Student's t, drawn as far as a share can go).

# %%
table = {kind: {} for kind in kinds}
for kind in kinds:
    pairs = [consistency.pair_shares(each, target=k, window=window) for each, k in zip(near[kind], targets, strict=True)]
    table[kind]["right"] = [each.accuracy for each in pairs]
    table[kind]["the same at two shifts"] = [each.consistency for each in pairs]
    table[kind]["changed in one pixel"] = [consistency.change_rates(each)["diagonal"] for each in near[kind]]
spread = {kind: {name: uncertainty.student(values) for name, values in table[kind].items()} for kind in kinds}
for kind in kinds:
    for name, each in spread[kind].items():
        record.count(f"{name}/{kind}", each.value, n=len(object_names) * window**2 / 2, unit="share")
drawn = {kind: {name: each.within(0, 1) for name, each in spread[kind].items()} for kind in kinds}
figure = plots.intervals(drawn, label=f"share, mean over {len(object_names)} objects")
record.save_figure(figure, "steadiness")
figure

# %%
plain, smooth = ({name: np.array(values) for name, values in table[kind].items()} for kind in kinds)
over = {"over": "photographs", "unit": "share", "counted": len(object_names) * window**2 / 2}
record.claim(
    "pixel", "A step of one pixel changes the answer in more than one case in a hundred.",
    uncertainty.student(plain["changed in one pixel"]), above=0.01, source="Azulay and Weiss 2019", **over,
)  # fmt: skip
record.claim(
    "lattice", "A step of the largest stride changes the answer less often than a step an eighth shorter.",
    uncertainty.paired(changed[kinds[0]][:, 1], changed[kinds[0]][:, 2], by=uncertainty.student), above=0, **over,
)  # fmt: skip
record.claim(
    "same, not right", "The network agrees with itself more often than it is right.",
    uncertainty.paired(plain["the same at two shifts"], plain["right"], by=uncertainty.student), above=0, **over,
)  # fmt: skip

# %%
record.claim(
    "gain/pixel", "Anti-aliasing makes the answer change less often in one pixel.",
    uncertainty.paired(plain["changed in one pixel"], smooth["changed in one pixel"], by=uncertainty.student), above=0, source="Zhang 2019", **over,
)  # fmt: skip
gain = uncertainty.paired(smooth["the same at two shifts"], plain["the same at two shifts"], by=uncertainty.student)
record.claim("gain/consistency", "Anti-aliasing makes the same answer at two shifts more frequent.", gain, above=0, source="Zhang 2019", **over)

# %%
gains = [rows["anti-aliased"][1] - rows["off-the-shelf"][1] for rows in consistency.ZHANG_2019.values()]
display(Markdown(
    "**Steadier features, and the answers?** The twin's features change less over one pixel (notebook 1). An answer changes "
    "where the scores of two classes cross. Over a photograph that is not its own, an object is hard to tell, two classes "
    "may be close nearly everywhere, and even a smaller change can cross. Nine objects can show a large gain and no small "
    f"one: Zhang reports {min(gains):.1f} to {max(gains):.1f} points of consistency for the paper's networks, over 50,000 "
    "photographs of ImageNet."
))  # fmt: skip

# %% [markdown]
# ### Your guess beside it

# %%
per_cent = {name: f"{spread[kinds[0]][name].value:.0%}" for name in spread[kinds[0]]}
after = changed[kinds[0]].mean(0)
guess.beside(
    per_cent["changed in one pixel"], f"{after[2]:.0%} after {lengths[2]} px, {after[1]:.0%} after {lengths[1]} px",
    per_cent["the same at two shifts"], f"{gain.value:+.2f} in consistency ({gain.low:+.2f} to {gain.high:+.2f})",
)  # fmt: skip

# %% [markdown]
# ## Exercises
#
# **1.** The motorcycle's class is "moped", and ImageNet has "motor scooter" as well. Where the answer flips between two
# names for nearly the same thing, is the *sum* of their probabilities steady?
#
# <details><summary>A solution</summary>
#
# ```python
# wrong = full[kinds[0]][~right[kinds[0]]].argmax(-1)  # what it says where it is not right
# rival = int(wrong.mode().values) if len(wrong) else (target + 1) % len(first.labels)
# one = probability[kinds[0]]
# two = consistency.probability_map(full[kinds[0]], target=rival)
# print(first.labels[target], "or", first.labels[rival])
# print(f"deviation over the frame: {float(one.std()):.3f} alone, {float((one + two).std()):.3f} together")
# ```
#
# Together they vary less: much of what looks like not recognising the object is choosing another name for it.
#
# </details>
#
# **2.** Consistency says nothing about *where* the answers change. Make two maps of answers, half ones and half zeros: a
# chessboard, and a left and a right half. Compare their consistency in small and large windows.
#
# <details><summary>A solution</summary>
#
# ```python
# lines, across = torch.meshgrid(torch.arange(12), torch.arange(12), indexing="ij")
# for name, pattern in {"chessboard": (lines + across) % 2, "halves": (across > 5).long()}.items():
#     print(name, [round(consistency.consistency(pattern, window=side), 2) for side in (2, 6, 12)])
# ```
#
# In the large window both have 0.5. In the small one the halves have nearly 1: a number of this kind needs its range.
#
# </details>
#
# ## Explore
#
# The probability of the right class: press in a map, or drag over it, to move the object. (On the page that `make page` writes,
# `figures/explorer.html`, the answers themselves change while you drag a cup.)

# %%
panel = panels.MapPanel({kind: each.numpy() for kind, each in probability.items()}, scene, label=quantity, stride=stride, limits=(0, 1), answers=full, labels=first.labels)
panel

# %% [markdown]
# ## What this does not show
#
# - A steady answer is not a steady feature: it only says on which side of a border the features lie.
# - Nine objects and one background each, at one start. The intervals say how little that is.
# - Six objects were chosen because the original network knows them, which favours it over its twin.
# - A cut-out on white, or before a faded photograph of something else, is far from what the networks were trained on:
#   ImageNet's objects stand where they belong.
# - The map of the whole frame takes steps of four pixels. `stride = 1` shows all, in sixteen times the time.
# - The twin was trained a little more than the original: what the blur does and what that training does are not told
#   apart here. `network = "demo_alexnet"` and embedded objects of 48 px have pairs of networks trained alike.

# %% [markdown] jp-MarkdownHeadingCollapsed=true
# ## For sceptics
#
# Controls and checks. In JupyterLab the arrow beside the heading opens them.

# %% [markdown]
# ### The same answers, by other protocols
#
# "Consistency" and "robust accuracy" mean different things in different papers. Here are four on the *same* answers: all
# shifts of up to `reach` pixels each way.
#
# - `zhang2019`: as in his code, one random pair of shifts for a whole batch of pictures, five times over. (His range is
#   32 x 32, his batches are of 256, so that 50,000 pictures see 980 pairs. Ours is one batch: five pairs in all.)
# - `engstrom2019 worst of k`: right at each of ten random shifts. `engstrom2019 exhaustive`: right at all of them.
# - `michaeli2023`: right at all shifts of 1 - m to m pixels, the range of the code of the alias-free networks.

# %%
protocols = {"exact, all pairs in the range": lambda each: [consistency.consistency(one, window=len(one_axis)) for one in each]}
protocols |= {"zhang2019": lambda each: consistency.drawn_consistency(each, protocol="zhang2019", batch=len(each), seed=seed)}
for name in ("engstrom2019 worst of k", "engstrom2019 exhaustive", "michaeli2023"):
    protocols[name] = lambda each, name=name: consistency.worst_case(each, targets=targets, protocol=name, seed=seed).double()
lines = {}
for name, protocol in protocols.items():
    for kind in kinds:
        each = uncertainty.student(np.asarray(protocol(near[kind]))).within(0, 1)
        record.count(f"protocol/{name}/{kind}", each.value, n=len(object_names), unit="share")
        lines[name, kind] = {"mean": each.value, "from": each.low, "to": each.high}
pd.DataFrame(lines).T.style.format("{:.3f}").set_caption(f"means over {len(object_names)} objects with 95% intervals")

# %% [markdown]
# How far a protocol that draws can be off shows when it draws again, from the same answers.

# %%
again = [float(consistency.drawn_consistency(near[kinds[0]], batch=len(object_names), seed=each).mean()) for each in range(200)]
low, high = np.quantile(again, [0.025, 0.975])
exact = lines["exact, all pairs in the range", kinds[0]]["mean"]
display(Markdown(
    f"**Reading.** Drawn two hundred times, `zhang2019` gives {low:.3f} to {high:.3f} in 95% of the draws, where counting "
    f"all pairs gives {exact:.3f}. Pictures that share a pair share its luck."
))  # fmt: skip

# %% [markdown]
# ### Right, or merely the same?
#
# A network that answers "cup" to everything has consistency 1. So all pairs are divided into four: both right, one
# right, both wrong with the same answer, both wrong with different ones. Consistency is the first and the third together.

# %%
parts = {"both right": "both_right", "one right": "one_right", "wrong, same": "both_wrong_same", "wrong, different": "both_wrong_different"}
shares = {
    kind: [consistency.pair_shares(each, target=k, window=window) for each, k in zip(near[kind], targets, strict=True)] for kind in kinds
}
bars = {kind: [float(np.mean([getattr(each, part) for each in shares[kind]])) for part in parts.values()] for kind in kinds}
figure = plots.pair_bars({"pasted": bars}, parts=list(parts))
record.save_figure(figure, "pairs")
figure

# %% [markdown]
# And a baseline: how often would two answers agree if the network gave them *as often, but at random*? That is the sum
# of the squared shares of its answers over all objects and shifts. $\kappa$ is the agreement above it (Fleiss 1971): 1 for
# a network that always agrees with itself and tells objects apart, 0 for chance.

# %%
rows = {}
for kind in kinds:
    chance = consistency.chance_agreement(near[kind], window=window)
    agreed = spread[kind]["the same at two shifts"].value
    rows[kind] = {"consistency": agreed, "by chance": chance, "kappa": consistency.kappa(agreed, chance=chance)}
    record.count(f"kappa/{kind}", rows[kind]["kappa"], n=max(1, len(object_names) * window**2 / 2 * (1 - chance)), unit="kappa")
pd.DataFrame(rows).T.style.format("{:.3f}")

# %% [markdown]
# ### How far apart are the two shifts?
#
# The same answers, only the range changes from which the two shifts are taken: from a square of 2 x 2 positions, which
# sees nothing but flicker, to all of them, which also sees slow drift. A number without its range cannot be compared.

# %%
sizes = [side for side in (2, 4, 8, 16, 32) if side < 0.8 * len(one_axis)] + [len(one_axis)]
by_range = {kind: [float(np.mean([consistency.consistency(each, window=side) for each in near[kind]])) for side in sizes] for kind in kinds}
for kind, values in by_range.items():
    record.count(f"inconsistency within {sizes[0]} px/{kind}", 1 - values[0], n=len(object_names) * (len(one_axis) - 1) ** 2 / 2, unit="share of pairs")
figure = plots.curves({"pasted": by_range}, at=sizes, xlabel="side of the square (px)", ylabel="consistency")
record.save_figure(figure, "range")
figure

# %% [markdown]
# ### Does it matter what is moved?
#
# So far the object moved and the background stayed (*pasted*). The camera may move instead, so that new picture comes in
# at the border (*cropped*, as in Zhang's evaluation), or the whole picture may move in a circle (*circular*: nothing is
# lost and nothing is new). All three start from the same picture. Here they are for the network off the shelf, within two
# pixels each way.

# %%
few, side = torch.cartesian_prod(*[torch.arange(-2, 3)] * 2), first.frame + 4
ways = {"pasted": [], "cropped": [], "circular": []}
for name in object_names:
    photo = scenes[name].picture()[1]
    around = objects.Photo(torch.nn.functional.pad(photo[None].float(), (2, 2, 2, 2), mode="replicate")[0].to(torch.uint8), "wider")
    wide = shifting.Paste(objects.load(name, object_size), side, background=around).render([[at + 2, at + 2]])[0]
    wide = objects.Photo(wide, name, scenes[name].label)
    each = {"pasted": scenes[name].render(at + few), "cropped": shifting.Crop(wide, first.frame).render(2 - few)}
    each |= {"circular": shifting.Roll(wide, first.frame, reach=2).render(2 + few)}
    starts = [frames[len(few) // 2].int() for frames in each.values()]
    for way, frames in each.items():
        logits = features.of_frames(first, frames, [first.logits], device=device)[first.logits].view(5, 5, -1)
        ways[way].append(consistency.consistency(consistency.answers(logits), window=5))
ways = {way: np.array(values) for way, values in ways.items()}
for way in ("cropped", "circular"):
    record.count(f"consistency within 5 px/{way}", ways[way].mean(), n=len(object_names) * 25 / 2, unit="share of pairs")

# %%
within = {"above": -0.05, "below": 0.05, "over": "photographs", "unit": "share", "counted": len(object_names) * 25 / 2}
record.claim(
    "cropped as pasted", "Whether the camera moves or the object: the answers are as steady, within 0.05.",
    uncertainty.paired(ways["cropped"], ways["pasted"], by=uncertainty.student), **within,
)  # fmt: skip
record.claim(
    "circular as pasted", "Whether the whole picture moves in a circle or the object: the answers are as steady, within 0.05.",
    uncertainty.paired(ways["circular"], ways["pasted"], by=uncertainty.student), **within,
)  # fmt: skip

# %% [markdown]
# ### Published, for other networks on other pictures
#
# Zhang's numbers on the ImageNet validation set, by his protocol. They are quoted, not checked: nothing above was
# measured on ImageNet.

# %%
measured = ("top-1 accuracy, %", "consistency, %")
quoted = pd.DataFrame({
    name: {(measured[i], kind): values[i] for i in range(2) for kind, values in rows.items()}
    for name, rows in consistency.ZHANG_2019.items()
}).T  # fmt: skip
panels.Folded("Zhang 2019 (anti-aliased: filter Bin-5)", quoted.style.format("{:.2f}"))

# %% [markdown]
# ### Checks
#
# Identities that hold for every network: the three ways of moving start from the same picture; the probabilities of all
# classes sum to 1; more shifts cannot help; and drawing random pairs estimates what was counted.

# %%
apart = max(int((each - starts[0]).abs().max()) for each in starts)
record.check("start frames of the three ways, largest difference", apart, expected=0, tolerance=0, source="the same picture")
total = sum(consistency.probability_map(strip, target=k) for k in range(strip.shape[-1]))
record.check("probabilities of all classes, largest |sum - 1|", float((total - 1).abs().max()), expected=0, tolerance=1e-5, source="definition")
worse = {name: consistency.worst_case(near[kinds[0]], targets=targets, protocol=name).double() for name in list(protocols)[2:]}
rise = float((worse["engstrom2019 exhaustive"] - torch.stack(list(worse.values())).min(0).values).max())
record.check_below("right at all shifts, but not at some of them", rise, bound=0, source="definition: more shifts cannot help")
unsure = int(np.abs(plain["the same at two shifts"] - 0.5).argmin())  # where a draw is least certain
exact = consistency.consistency(near[kinds[0]][unsure], window=len(one_axis))
drawn = float(consistency.drawn_consistency(near[kinds[0]][unsure][None], passes=20_000, seed=seed)[0])
error = max((exact * (1 - exact) / 20_000) ** 0.5, 1e-12)
record.check("drawn - counted, in standard errors", (drawn - exact) / error, expected=0, tolerance=4, source="Zhang 2019")
panels.Folded("The checks, all of which hold", record.finish())

# %% [markdown]
# ## References and next
#
# - J. Lee, J. Yang, Z. Wang. What Does CNN Shift Invariance Look Like? A Visualization Study. ECCV 2020
#   workshops.
# - A. Azulay, Y. Weiss. Why Do Deep Convolutional Networks Generalize so Poorly to Small Image Transformations?
#   JMLR 20, 2019.
# - R. Zhang. Making Convolutional Networks Shift-Invariant Again. ICML 2019.
# - L. Engstrom et al. Exploring the Landscape of Spatial Robustness. ICML 2019.
# - H. Michaeli, T. Michaeli, D. Soudry. Alias-Free Convnets. CVPR 2023.
# - J. Fleiss. Measuring Nominal Scale Agreement Among Many Raters. Psychological Bulletin 76, 1971.
#
# Next: the answer is a summary of the features. Where in them does the change live: from pixel to pixel, or
# across the frame? That is [notebook 5](05_local_global_lattice.ipynb).
