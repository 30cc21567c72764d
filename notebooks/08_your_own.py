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
# # 8. Your own network, your own object
#
# **The question.** How shift-invariant is *your* network, for *your* object?
#
# These lines answer it, as in the paper's first experiment (Lee, Yang and Wang 2020, Figures 2 to 4). Copy them,
# put your network, your layer and your object in, and run them:
#
# ```python
# import torchvision
# from helpers import features, networks, objects, shifting, similarity
# from helpers.views import plots
#
# module = torchvision.models.resnet18(weights=None)  # your network; weights="DEFAULT" are trained ones
# network = networks.wrap(module, {"pool": "layer4:mean"})  # your layer; frame=224 is the side of your frames
# cutout = objects.load("espresso", 75)  # your object, for instance "mug.png", and its side in pixels
# scene = shifting.Paste(cutout, network.frame)  # on white; or, for instance, background="grey"
# found = features.extract(network, scene, stride=15)  # at every fifteenth row and column
# maps = similarity.cosine_maps(found.layers["pool"])  # (5, rows, columns), one for each anchor
# marks = list(similarity.anchors(maps.shape[1:]).values())
# figure = plots.heatmaps([maps], rows=["my network"], columns=similarity.ANCHORS, stride=found.stride, marks=marks)
# figure.savefig("maps.png")
# print(f"mean cosine with the centre: {maps[2].mean():.4f}")
# ```
#
# Two more calls are worth knowing. `networks.load("timm:convnext_tiny")` is any of timm's models by its name, its
# layers, frame and preprocessing found by themselves (its weights are downloaded once). And
# `networks.antialias(network)` is your network with a blur before each stride: not trained with it, so it tells what
# the blur alone would change, and where training would have to begin.
#
# The notebook goes through the steps above, and a few more that tell whether to believe the answer. As it stands,
# the network is one that nobody has trained: torchvision's ResNet-18 with random weights.
#
# **Before you go on, predict.** Is a network with random weights more shift-invariant than a trained one, or
# less?
#
# *Takes about half a minute on one CPU core.*

# %% tags=["parameters"]
network: str = "resnet18"  # name, a torchvision classifier; or put your own module into the set-up
node: str = "layer4:mean"  # your layer: path of a submodule; ":input" is its input, ":mean" its average
object_name: str = "espresso"  # a photographed or embedded object, or the path of a PNG
other_name: str = "cat"  # another one, to compare with
object_size: int = 75  # px, side of the object
frame: int = 224  # px, side of the frame
stride: int = 9  # px, between neighbouring positions; an odd one meets every part of the network's grid
seed: int = 0  # integer, of the random weights
device: str = "auto"  # name, cpu, cuda or auto
out: str = "../runs/lab"  # folder, where figures and numbers go

# %% [markdown]
# ## Set-up
#
# `module` may be any `torch.nn.Module` that takes images (B, 3, H, W). `wrap` names the layer. A layer that gives a
# map of numbers per channel needs `:mean`, its average over the frame;
# `[name for name, _ in module.named_modules()]` lists the paths. Your preprocessing, if it is not ImageNet's:
# `wrap(..., mean=..., std=...)`.

# %%
import pandas as pd
import torch
import torchvision
from IPython.display import Markdown, display

from helpers import features, networks, objects, records, runtime, shifting, similarity
from helpers.measures import variation
from helpers.views import panels, plots

runtime.seed(seed)
module = torchvision.models.get_model(network, weights=None)
mine = networks.wrap(module, {"pool": node}, frame=frame, name=network)

given = {"network": network, "node": node, "object_name": object_name, "other_name": other_name}
given |= {"object_size": object_size, "frame": frame, "stride": stride, "seed": seed}
trained = networks.load("efficientnet_lite0")
record = records.Record("08_your_own", out, given, [mine, trained], device=device)
pd.Series(runtime.stamp()["packages"], name="version").to_frame().T

# %% [markdown]
# ## One object
#
# A PNG with alpha is a cut-out; without it, the whole rectangle is the object.

# %%
cutout = objects.load(object_name, object_size)
scene = shifting.Paste(cutout, frame)
corners = similarity.anchors(scene.grid)
figure = plots.frames(scene.render(list(corners.values())), titles=[f"{name}  {at}" for name, at in corners.items()])
record.save_figure(figure, "anchors")
figure

# %% [markdown]
# ## Method
#
# The features $f$ at every position $p$ are compared with those at five anchors $q$ ([notebook
# 1](01_similarity_maps.ipynb) takes its time over this):
#
# $$ s(p, q) = \frac{f(p) \cdot f(q)}{\lVert f(p) \rVert \, \lVert f(q) \rVert} $$
#
# ## Run

# %%
found = features.extract(mine, scene, stride=stride, device=device)
maps = similarity.cosine_maps(found.layers["pool"])

# %% [markdown]
# ## Results
#
# ### Your maps
#
# The circle marks the anchor.

# %%
marks = list(similarity.anchors(maps.shape[1:]).values())
figure = plots.heatmaps([maps], rows=[network], columns=list(similarity.ANCHORS), stride=stride, marks=marks)
record.save_figure(figure, "maps")
figure

# %%
centre = record.value("mean cosine with the centre", maps[2].mean(), unit="cosine")
lowest = record.value("lowest cosine", maps.min(), unit="cosine")
display(Markdown(
    f"**Reading.** With the object at the centre, positions are {centre:.4f} similar on average; no position is less "
    f"than {lowest:.4f} similar to an anchor. Look at the colour bar before you look at the pattern: it spans "
    f"{float(maps.max()) - lowest:.2g}. "
    + ("By this number the network is all but invariant. Too good to be true?" if lowest > 0.99 else "")
))  # fmt: skip

# %% [markdown]
# ### Should you believe it?
#
# The cosine says that *moving* the object changes little. Does *exchanging* it change more? Beside your network,
# EfficientNet-Lite0, which was trained on ImageNet (it sees the same scenes in frames of its own size); beside your
# object, another one at the same positions. The **calibrated invariance** takes the mean similarity $s$ of an object with
# itself, over all pairs of positions, and puts it on a scale that begins at $d$, the mean similarity of different
# objects at the same position:
#
# $$ I = \frac{s - d}{1 - d} $$
#
# It is 1 for an invariant network, and 0 for one to which moving an object is as much as exchanging it. Below 0,
# moving it is more than exchanging it.

# %%
scale = trained.frame / frame  # to the trained network's own frames, where it is at its best
size, step = max(8, round(object_size * scale)), max(1, round(stride * scale))
extracted = [found]
for net, name, side, px, every in (
    (mine, other_name, object_size, frame, stride),
    (trained, object_name, size, trained.frame, step),
    (trained, other_name, size, trained.frame, step),
):
    scene = shifting.Paste(objects.load(name, side), px)
    extracted.append(features.extract(net, scene, ["pool"], stride=every, device=device))

# %%
rows, pictures = {}, []
for name, both in ((network, extracted[:2]), (f"{trained.name}, trained", extracted[2:])):
    first, second = (each.layers["pool"] for each in both)
    result = variation.calibrate([first, second])
    rows[name] = {"s, same object": result.same[0], "d, other object": result.different[0]}
    rows[name]["I, calibrated"] = result.invariance[0]
    pictures.append([similarity.cosine_map(first, "c"), torch.cosine_similarity(first, second, dim=-1)])
table = pd.DataFrame(rows).T
for name, line in table.iterrows():
    for measure, value in line.items():
        unit = "cosine" if measure[0] in "sd" else "invariance"
        record.statistic(f"{measure}/{name}", value, n=2, unit=unit)
other = extracted[1].scene.name
caption = f"{cutout.name}, and {other} in the same places; frames of {frame} and {trained.frame} px"
display(table.style.format("{:.4f}").set_caption(caption))

# %% [markdown]
# The same as a picture, all four in one range of colours. Left: the object moved, compared with itself at the
# centre. Right: the object exchanged, compared with the other one in the same place.

# %%
columns = [f"{cutout.name}, moved", f"{other} instead"]
figure = plots.heatmaps(pictures, rows=list(table.index), columns=columns, stride=[stride, step])
record.save_figure(figure, "believe")
figure

# %%
yours, theirs = table.iloc[0], table.iloc[1]
steadier = yours["s, same object"] > theirs["s, same object"]
blind = yours["d, other object"] > 0.99 and yours["I, calibrated"] < 0.5
display(Markdown(
    f"**Reading.** Moved, your object stays {yours['s, same object']:.4f} similar to itself, "
    f"{'more' if steadier else 'no more'} than in the trained network ({theirs['s, same object']:.4f}). Exchanged for "
    f"another it stays {yours['d, other object']:.4f} similar, against {theirs['d, other object']:.4f}. On the "
    f"calibrated scale yours has {yours['I, calibrated']:.2f}, the trained network {theirs['I, calibrated']:.2f}. "
    + ("Below 0: moving your object is more than exchanging it. " if yours["I, calibrated"] < 0 else "")
    + ("Your network does not overlook the place: it overlooks nearly everything." if blind else "")
))  # fmt: skip

# %% [markdown]
# ## Checks

# %%
itself = max(abs(float(each[at]) - 1) for each, at in zip(maps, marks, strict=True))
record.check("self-similarity, largest |s - 1|", itself, expected=0, tolerance=1e-5, source="definition; float32 rounding")
record.check_below("largest |cosine|", float(maps.abs().max()), bound=1 + 1e-5, source="Cauchy-Schwarz; float32 rounding")
record.check_below("largest calibrated invariance", table["I, calibrated"].max(), bound=1 + 1e-9, source="definition")
record.finish()

# %% [markdown]
# ## What this does not show
#
# - One object compared with one other: the baseline $d$ depends on which. [Notebook
#   5](05_local_global_lattice.ipynb) takes more, with intervals.
# - One layer. Give `wrap` several, `{"early": "layer1:mean", "late": "layer4:mean"}`, and all come from the
#   same forward pass.
# - An object on plain white may be unlike anything that your network was trained on.
#
# ## Explore

# %%
panel = panels.SimilarityPanel(extracted)
panel

# %% [markdown]
# ## References and next
#
# - J. Lee, J. Yang, Z. Wang. What Does CNN Shift Invariance Look Like? A Visualization Study. ECCV 2020
#   workshops.
#
# Next: where the networks of this workbook come from, in [notebook 9](09_embedded_networks.ipynb); or your
# network's answers: give its name to [notebook 4](04_classifier_answers.ipynb).
