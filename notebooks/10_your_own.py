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
# # 10. Your own network, your own object
#
# **The question.** How shift-invariant is *your* network, for *your* object?
#
# These lines answer it. Copy them, put your network, its layer and your objects in, and run them:
#
# ```python
# from helpers import features, networks, objects, shifting, similarity
# from helpers.measures import variation
# from helpers.views import plots
#
# network = networks.load("efficientnet_lite0")  # yours: networks.wrap(module, {"pool": "layer4:mean"})
# names = ["espresso", "cat", "motorcycle"]  # your objects, for instance "mug.png"
# scenes = [shifting.Paste(objects.load(name, 75), network.frame) for name in names]  # on white
# found = [features.extract(network, scene, ["pool"], stride=25).layers["pool"] for scene in scenes]
# maps = similarity.cosine_maps(found[0])  # (5, rows, columns), one for each anchor
# marks = list(similarity.anchors(maps.shape[1:]).values())
# figure = plots.heatmaps([maps], rows=["my network"], columns=similarity.ANCHORS, stride=25, marks=marks)
# figure.savefig("maps.png")
# result = variation.calibrate(found)
# print(f"cosine of an object with itself, moved: {result.same.mean():.3f}, of two objects: {result.different.mean():.3f}")
# print(f"calibrated invariance: {result.invariance.mean():.2f}")  # 1: invariant; 0: moved is as good as exchanged
# ```
#
# Two more calls are worth knowing. `networks.load("timm:convnext_tiny")` is any of timm's models by its name (its weights
# are downloaded once). And `networks.antialias(network)` is your network with a blur before each stride: not trained with
# it, so it tells what the blur alone would change.
#
# The notebook goes through these lines slowly, and ends with why the last two matter more than the picture.
#
# *The core takes ten minutes to read and about half a minute to run on one CPU core.*

# %% tags=["parameters"]
network: str = "efficientnet_lite0"  # name, of networks.load; or put your own module into the set-up
layer: str = "pool"  # name, of a layer of the network
object_name: str = "espresso"  # name, a photographed or embedded object, or the path of an image
others: list = ["cat", "motorcycle", "cameraman", "shuttle", "temple", "officer", "dahlia", "rocket"]  # names, to compare with
object_size: int = 75  # px, side of the object
untrained: str = "resnet18"  # name, a torchvision classifier, whose layer4 is read with random weights
stride: int = 25  # px, between neighbouring positions; an odd one meets every part of the network's grid
seed: int = 0  # integer, of the random weights
device: str = "auto"  # name, cpu, cuda or auto
out: str = "../runs/lab"  # folder, where figures and numbers go

# %% [markdown]
# ## Set-up
#
# `mine` is the network in question. For a module of your own, any `torch.nn.Module` that takes images (B, 3, H, W),
# write `mine = networks.wrap(module, {"pool": "layer4:mean"}, frame=224)` in place of that line. `wrap` names the layer: a
# path out of `[name for name, _ in module.named_modules()]`, with `:mean` where it gives a map of numbers per channel, or
# `:input` for what goes into it. Your preprocessing, if it is not ImageNet's: `mean=..., std=...`.
#
# Beside it stands a network that nobody has trained: torchvision's ResNet-18 with random weights.

# %%
import numpy as np
import pandas as pd
import torch
import torchvision
from IPython.display import Markdown, display

from helpers import features, networks, objects, records, runtime, shifting, similarity
from helpers.measures import uncertainty, variation
from helpers.views import panels, plots

runtime.seed(seed)
mine = networks.load(network)
module = torchvision.models.get_model(untrained, weights=None)
random = networks.wrap(module, {layer: "layer4:mean"}, frame=mine.frame, name=f"{untrained}, untrained")
given = {"network": network, "layer": layer, "object_name": object_name, "others": others}
given |= {"object_size": object_size, "untrained": untrained, "stride": stride, "seed": seed}
record = records.Record("10_your_own", out, given, [mine, random], device=device)
panels.Folded("Versions", pd.Series(runtime.stamp()["packages"], name="version").to_frame().T)

# %% [markdown]
# ## One object
#
# Take a cup of espresso, or an image of your own by the button (then run the cells below again). A PNG with transparency
# is a cut-out; a photograph is taken whole, as a square. The five positions are the **anchors**, with which all others
# will be compared: the corners (tl, tr, bl, br) and the centre (c).

# %%
upload = panels.Upload(object_name, folder=out)
upload

# %%
scene = shifting.Paste(objects.load(upload.name, object_size), mine.frame)
corners = similarity.anchors(scene.grid)
figure = plots.frames(scene.render(list(corners.values())), titles=[f"{name}  {at}" for name, at in corners.items()])
record.save_figure(figure, "anchors")
figure

# %% [markdown]
# ### Predict, then look
#
# One network has learned from a million photographs, and the other is a stack of random numbers.

# %%
guess = panels.Guess({
    "Which network's features stay more similar when the object moves?": ["the trained one's", "the random one's", "no difference"],
    "How similar are two different objects to the random network?": ["0", "0.5", "0.9", "0.99"],
    "Which network is more invariant, on a scale where exchanging the object counts as 0?": ["the trained one", "the random one", "no difference"],
})  # fmt: skip
guess

# %% [markdown]
# ## Method
#
# The **features** $f$ are the numbers that a layer computes from one frame. At every position $p$ they are compared with
# those at five anchors $q$, by **cosine similarity** ([notebook 1](01_similarity_maps.ipynb) takes its time over this):
#
# $$ s(p, q) = \frac{f(p) \cdot f(q)}{\lVert f(p) \rVert \, \lVert f(q) \rVert} $$
#
# Is 0.95 much? Compare it with something: *another object* in the same place. The **calibrated invariance** takes the mean
# similarity $s$ of an object with itself, over all pairs of positions, and puts it on a scale that begins at $d$, the mean
# similarity of different objects at the same position:
#
# $$ I = \frac{s - d}{1 - d} $$
#
# It is 1 for an invariant network, and 0 for one to which moving an object is as much as exchanging it. Below 0, moving
# it is more than exchanging it. By hand first, at one place and half the frame away:

# %%
other = shifting.Paste(objects.load(others[0], object_size), mine.frame)
at, away = [0, 0], [side // 2 for side in scene.grid]
frames = torch.cat([scene.render([at, away]), other.render([at])])
here, moved, exchanged = features.of_frames(mine, frames, [layer], device=device)[layer]
s, d = (float(torch.cosine_similarity(here, each, dim=0)) for each in (moved, exchanged))
display(Markdown(
    f"Moved, the object is {s:.3f} similar to itself; exchanged for another, {d:.3f}. That makes an invariance of "
    f"{(s - d) / (1 - d):.2f}, from two pictures and one pair of objects."
))  # fmt: skip

# %% [markdown]
# ## Run
#
# Your object and eight others, each from a photograph of its own, at the same positions, through both networks.

# %%
scenes = [scene, *(shifting.Paste(objects.load(name, object_size), mine.frame) for name in others)]
nets = {mine.name: mine, random.name: random}
found = {
    name: [features.extract(net, each, [layer], stride=stride, device=device, progress=False) for each in scenes]
    for name, net in nets.items()
}

# %% [markdown]
# ## Results
#
# ### Your maps
#
# A **similarity map** shows the similarity of every position with one anchor, the circle. Upper row: your network. Lower
# row: the random one. All share one range of colours.

# %%
maps = [similarity.cosine_maps(each[0].layers[layer]) for each in found.values()]
marks = list(similarity.anchors(maps[0].shape[1:]).values())
figure = plots.heatmaps(maps, rows=list(nets), columns=list(similarity.ANCHORS), stride=stride, marks=marks)
record.save_figure(figure, "maps")
figure

# %%
seen = [record.value(f"mean cosine with the centre/{name}", each[2].mean(), unit="cosine") for name, each in zip(nets, maps, strict=True)]
display(Markdown(
    f"**Reading.** Seen from the centre, positions are {seen[0]:.3f} similar on average to your network and {seen[1]:.3f} to "
    "the one that nobody has trained. By the cosine alone, one would take the network with the higher number. Should you "
    "believe it?"
))  # fmt: skip

# %% [markdown]
# ### Should you believe it?
#
# The cosine says that *moving* the object changes little. Does *exchanging* it change more? Left: the object moved,
# compared with itself at the centre. Right: the object exchanged, compared with another one in the same place.

# %%
pictures = []
for first, second in ([each.layers[layer] for each in pair[:2]] for pair in found.values()):
    pictures.append([similarity.cosine_map(first, "c"), torch.cosine_similarity(first, second, dim=-1)])
columns = [f"{scene.name}, moved", f"{other.name} instead"]
figure = plots.heatmaps(pictures, rows=list(nets), columns=columns, stride=stride)
record.save_figure(figure, "believe")
figure

# %% [markdown]
# Now with all nine objects. A dot is the mean over the objects, the line its 95% **interval**: how far off that mean may
# be, given how much the objects differ (Student's t).

# %%
calibrated = {name: variation.calibrate([each.layers[layer] for each in pair]) for name, pair in found.items()}
parts = {"s, moved": "same", "d, exchanged": "different", "I, calibrated": "invariance"}
spread = {
    name: {label: uncertainty.student(getattr(each, part)) for label, part in parts.items()} for name, each in calibrated.items()
}
for name, row in spread.items():
    for label, each in row.items():
        record.statistic(f"{label}/{name}", each.value, n=each.objects, unit="invariance" if label[0] == "I" else "cosine")
figure = plots.intervals(spread, label=f"mean over {len(scenes)} objects", zero=0)
record.save_figure(figure, "calibrated")
figure

# %%
yours, theirs = calibrated.values()
record.claim(
    "invariant at all", "To your network, moving an object is less than exchanging it.",
    uncertainty.student(yours.invariance), above=0, unit="invariance", over="photographs",
)  # fmt: skip
record.claim(
    "random, cosine", "By the cosine, the untrained network is the more invariant one.",
    uncertainty.paired(theirs.same, yours.same, by=uncertainty.student), above=0, unit="cosine", over="photographs",
)  # fmt: skip
record.claim(
    "random, calibrated", "On the calibrated scale, yours is.",
    uncertainty.paired(yours.invariance, theirs.invariance, by=uncertainty.student), above=0, unit="invariance", over="photographs",
)  # fmt: skip

# %% [markdown]
# A network that answers everything with nearly the same numbers has a high cosine for every question. It does not
# overlook the place of the object: it overlooks nearly everything. This is why the lines at the top end with $I$.
#
# ### Your guess beside it

# %%
same, apart, scale = ([row[label] for row in spread.values()] for label in parts)
guess.beside(
    f"{same[0].value:.3f} trained, {same[1].value:.3f} random", f"{apart[1].value:.3f}", f"{scale[0].value:.2f} trained, {scale[1].value:.2f} random"
)

# %% [markdown]
# ## Exercises
#
# **1.** Wrap a module yourself: read the untrained network one block earlier, at `layer3`. Which of the two is the more
# invariant on the calibrated scale?
#
# <details><summary>A solution</summary>
#
# ```python
# earlier = networks.wrap(module, {"mid": "layer3:mean", "late": "layer4:mean"}, frame=mine.frame, name="two layers")
# both = [features.extract(earlier, each, stride=2 * stride, device=device, progress=False) for each in scenes[:3]]
# for name in ("mid", "late"):
#     print(name, variation.calibrate([each.layers[name] for each in both]).invariance.round(2))
# ```
#
# Several layers come from the same forward pass. The numbers are one per object.
#
# </details>
#
# **2.** Take a photograph instead of a cut-out: the frame moves over it like a camera, and the background moves, too.
# Is that more of a change than moving the object over white?
#
# <details><summary>A solution</summary>
#
# ```python
# photos = [shifting.Crop(objects.photograph(name), mine.frame) for name in ("coffee", "chelsea")]
# crops = [features.extract(mine, each, [layer], stride=2 * stride, device=device, progress=False) for each in photos]
# result = variation.calibrate([each.layers[layer] for each in crops])
# print("moved", result.same.round(3), "exchanged", result.different.round(3), "calibrated", result.invariance.round(2))
# ```
#
# Whole photographs differ more from each other than cut-outs on white do, so that $d$ is lower, and the same $s$ is worth
# more. A photograph of your own: `objects.load_photo("cup.jpg", 356)`.
#
# </details>
#
# ## Explore
#
# Your object in both networks: put the anchor anywhere, and move the object.

# %%
panel = panels.SimilarityPanel([pair[0] for pair in found.values()])
panel

# %% [markdown]
# ## What this does not show
#
# - The baseline $d$ depends on which objects you compare with. These are photographs of very different things; among
#   cups alone it would be higher. [Notebook 5](05_local_global_lattice.ipynb) takes more care.
# - One layer. Give `wrap` several, and all come from the same forward pass.
# - An object on plain white may be unlike anything that your network was trained on.
# - One set of random weights. Another `seed` gives another network that nobody trained.

# %% [markdown] jp-MarkdownHeadingCollapsed=true
# ## For sceptics
#
# Controls and checks. In JupyterLab the arrow beside the heading opens them.

# %% [markdown]
# ### Is it only what all pictures share?
#
# Most of each frame is white, and what the network makes of the white is the same in all of them, which alone makes
# cosines high. Subtract the features of the empty frame, and calibrate what is left.

# %%
blank = torch.full((1, 3, *scene.frame), 255, dtype=torch.uint8)
rows = {}
for name, net in nets.items():
    empty = features.of_frames(net, blank, [layer], device=device)[layer][0].cpu().numpy()
    left = variation.calibrate([each.layers[layer] for each in found[name]], blank=empty)
    rows[name] = {label: float(getattr(left, part).mean()) for label, part in parts.items()}
    record.statistic(f"without the frame/I/{name}", rows[name]["I, calibrated"], n=len(scenes), unit="invariance")
pd.DataFrame(rows).T.style.format("{:.3f}").set_caption("means over the objects, without the features of the empty frame")

# %% [markdown]
# ### Checks

# %%
itself = max(abs(float(each[i][at]) - 1) for each in maps for i, at in enumerate(marks))
record.check("self-similarity, largest |s - 1|", itself, expected=0, tolerance=1e-5, source="definition; float32 rounding")
largest = max(float(each.abs().max()) for each in maps)
record.check_below("largest |cosine|", largest, bound=1 + 1e-5, source="Cauchy-Schwarz; float32 rounding")
highest = max(float(np.max(each.invariance)) for each in calibrated.values())
record.check_below("largest calibrated invariance", highest, bound=1 + 1e-9, source="definition")
panels.Folded("The checks, all of which hold", record.finish())

# %% [markdown]
# ## References and next
#
# - J. Lee, J. Yang, Z. Wang. What Does CNN Shift Invariance Look Like? A Visualization Study. ECCV 2020
#   workshops.
#
# Next: where the small networks of this workbook come from, in [notebook 11](11_embedded_networks.ipynb); or your
# network's answers: give its name to [notebook 4](04_classifier_answers.ipynb).
