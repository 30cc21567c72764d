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
# # 6. Layer by layer: where does shift invariance die?
#
# **The question.** A network's <abbr title="the numbers that a layer of the network computes from one picture">features</abbr>
# depend on where the object stands (notebooks 1 to 5). But a *convolution*, which looks at every place with the same
# weights, does the same everywhere: move its input, and its output moves along. And the average over a map does not ask
# where things are. So a stack of convolutions with an average at the end should not depend on the position at all. In
# which layer does it begin to?
#
# There are two suspects. The *strides* (steps at which a layer keeps every second value only, so that its map is half as
# wide), and the *padding* (the lines of zeros that are put around each map, so that a convolution can look beyond the
# border). Here both are caught in the act. All of it is ours, but for what the references name.
#
# *The core takes ten minutes to read and about a minute to run on one CPU core; the part for sceptics is folded.*

# %% tags=["parameters"]
network: str = "efficientnet_lite0"  # name, of networks.load: alexnet, resnet50, mobilenet_v2, demo_resnet, ...
weights: str = "default"  # name, the usual ones; of an embedded network also "centre" or "uniform"
object_names: list = ["motorcycle", "espresso", "cat", "cameraman", "shuttle", "temple", "officer", "dahlia"]  # names
object_size: int = 75  # px, side of the objects; 75 is the paper's small size
shifts: list = [1, 16, 32]  # px, by which the objects are moved down and to the right
step: int = 4  # px, between the shifts of the panel
corner_positions: int = 12  # count, positions of each object for the question of the corners, for sceptics
seed: int = 0  # integer, of all random numbers
device: str = "auto"  # name, cpu, cuda or auto
out: str = "../runs/lab"  # folder, where figures and numbers go

# %% [markdown]
# ## Set-up
#
# Three networks take part. EfficientNet-Lite0 *off the shelf*, as it was published. Its *anti-aliased* *twin*, which
# this project made: it blurs a map before each stride but the first. And the first of them once more *without a border*:
# each map is continued by its own other side, as on a <abbr title="a square whose left and right sides are joined, and
# its top and bottom: a doughnut">torus</abbr>. It is not trained again.

# %%
import numpy as np
import pandas as pd
import torch
import torchvision
from IPython.display import Markdown, display
from scipy import stats

from helpers import features, networks, objects, records, runtime, shifting
from helpers.measures import equivariance, padding, study, uncertainty, variation
from helpers.views import panels, plots

runtime.seed(seed)
plain, smooth = (networks.load(network, antialiased=each, weights=weights) for each in (False, True))
three = {"off-the-shelf": plain, "anti-aliased": smooth, "without a border": padding.replace(plain, mode="circular")}
given = {"network": network, "weights": weights, "object_names": object_names, "object_size": object_size}
given |= {"shifts": shifts, "step": step, "corner_positions": corner_positions, "seed": seed}
record = records.Record("06_layer_by_layer", out, given, list(three.values()), device=device)
versions = pd.Series(runtime.stamp()["packages"], name="version").to_frame().T
weights_of = pd.Series({kind: each.weights for kind, each in three.items()}, name="weights").to_frame()
panels.Folded("Versions and weights", versions, weights_of)

# %% [markdown]
# ## One object
#
# An object on white, near the middle of the frame, and the same moved down and to the right. The last frame is empty:
# what it gives is subtracted, so that what is left is what the *object* adds to a layer.

# %%
scenes = [shifting.Paste(objects.load(name, object_size), plain.frame) for name in object_names]
starts = [[(side - 1 - max(shifts)) // 2 for side in scene.grid] for scene in scenes]
frames = {
    d: torch.cat([scene.render([[row + d, col + d]]) for scene, (row, col) in zip(scenes, starts, strict=True)])
    for d in [0, *shifts]
}
empty = torch.full((1, 3, *scenes[0].frame), 255, dtype=torch.uint8)
shown = torch.cat([each[:1] for each in frames.values()] + [empty])
figure = plots.frames(shown, titles=["as it is", *(f"moved by {d} px" for d in shifts), "empty"])
record.save_figure(figure, "frames")
figure

# %% [markdown]
# ### Predict, then look
#
# The network halves its maps five times, so it looks at the frame through a grid of 32 px.

# %%
guess = panels.Guess({
    "No border, a move by 1 px: where does the first error come in?": ["in the first layer", "half-way", "in the last", "nowhere"],
    "No border, a move by 32 px: how large is the error of the last map?": ["0%", "10%", "30%", "100%"],
    "With the border, a move by 32 px: how large is it?": ["0%", "10%", "30%", "100%"],
    "How many times smaller does the average make that error?": ["1", "2", "4", "10"],
})  # fmt: skip
guess

# %% [markdown]
# ## Method
#
# Let $f(x)$ be the map that a layer gives for the frame $x$, and $g(x) = f(x) - f(\text{empty})$ what the object adds to
# it. Moving the object by $d$ pixels, $T_d$, should move the map by $d / S$ cells, with $S$ the layer's stride: the
# layer would be **equivariant**, which means that its map moves as the object does. The error is what is missing:
#
# $$ E = \frac{\lVert T_{-d/S}\; g(T_d x) - g(x) \rVert}{\lVert g(x) \rVert} $$
#
# An error of 0 is equivariant; 1 is as much as all that the object adds; two maps without any relation have 1.4. By half a
# cell a map is moved by Fourier's way: each wave by its phase, exactly. The sum goes over the *interior* and over the
# *border*, a ring as wide as the largest stride, apart. One call: `equivariance.error(still, moved, empty, ...)`.
#
# ### By hand: what a stride does to a moved signal
#
# A hill with a fine pattern on it, in one dimension. A stride of 2 keeps every second value. Moved by one pixel, the
# other half of the values is kept. Are the two results the same hill? In the lower row, the signal is blurred before.
#
# A grid of every second pixel shows waves down to a length of 4 px: that is its *Nyquist frequency*. Shorter waves do not
# vanish in it. They come out as other, longer ones, and as different ones from each place of the grid, which is called
# **aliasing**.

# %%
at = np.arange(32)
signal = np.exp(-(((at - 13) / 5) ** 2)) * (1 + 0.5 * np.cos(0.8 * np.pi * at))
blurred = np.convolve(np.pad(signal, 1, mode="wrap"), [1 / 4, 1 / 2, 1 / 4], mode="valid")
lines = {"stride 2": signal, "blur, stride 2": blurred}
figure = plots.samplings({title: {d: np.roll(each, d) for d in (0, 1)} for title, each in lines.items()})
record.save_figure(figure, "by_hand")
figure

# %%
fine = {title: float(equivariance.above_nyquist(torch.tensor(each)[None, None, None])) for title, each in lines.items()}
for title, share in fine.items():
    record.value(f"by hand/above the Nyquist frequency/{title}", share, unit="fraction")
before, after = fine.values()
display(Markdown(
    f"**Reading.** Above the Nyquist frequency of the stride are {before:.0%} of the signal's energy, and {after:.1%} of the "
    "blurred one's. That much of it cannot move along."
))  # fmt: skip

# %% [markdown]
# ## Run
#
# All maps along the network, of every object, before and after each move.

# %%
both = [equivariance.nodes(each) for each in (plain, smooth)]
nodes = {path: stride for path, stride in both[0].items() if path in both[1]}
last, largest = list(nodes)[-1], plain.strides[-1]
errors, pooled, echoes = {}, {}, {}
for kind, each in three.items():
    base, still = (equivariance.read(each, given_frames, nodes, device=device) for given_frames in (empty, frames[0]))
    echoes[kind] = {path: equivariance.echo(base[path], still[path]) for path in nodes}
    for d in shifts:
        moved = equivariance.read(each, frames[d], nodes, device=device)
        errors[kind, d] = {
            path: equivariance.error(still[path], moved[path], base[path], shift=(d, d), stride=stride, ring=largest)
            for path, stride in nodes.items()
        }
        pooled[kind, d] = equivariance.pooled_error(still[last], moved[last], base[last]).numpy()

# %% [markdown]
# ## Results
#
# ### Where the errors are
#
# The first object, in three layers: one of the first, one half-way, the last. Each cell shows its error, on a scale where
# 1 is what the object adds to a cell on average. Look where they begin: at the object, or at the border?

# %%
near, far = min(shifts), max(shifts)
rows = [list(nodes)[0], list(nodes)[len(nodes) // 3], last]
columns = [(kind, d) for d in (near, far) for kind in ("off-the-shelf", "without a border")]
cells = [[errors[column][path].cells[0] * errors[column][path].cells[0].numel() ** 0.5 for column in columns] for path in rows]
figure = plots.heatmaps(
    cells, rows=[f"stride {nodes[path]}" for path in rows], columns=[f"{kind}\n{d} px" for kind, d in columns],
    stride=[nodes[path] for path in rows], label="error of a cell", limits=(0, 1),
)  # fmt: skip
record.save_figure(figure, "maps")
figure

# %% [markdown]
# ### Over depth
#
# All objects: the mean, and as a band its 95% *interval* (how far off the mean may be, given how much the objects
# differ; Student's t). Each dot is a layer or a block.

# %%
by_student = {"by": uncertainty.student}
parts = {
    part: {
        f"moved by {d} px": {
            kind: [uncertainty.student(getattr(each, part)) for each in errors[kind, d].values()] for kind in three
        }
        for d in shifts
    }
    for part in ("interior", "border")
}
figure = plots.over_depth(parts, strides=list(nodes.values()), label="error")
record.save_figure(figure, "over_depth")
figure

# %%
whole = {key: {path: each.whole.numpy() for path, each in found.items()} for key, found in errors.items()}
for (kind, d), found in whole.items():
    record.statistic(f"error/first map/{d} px/{kind}", found[list(nodes)[0]].mean(), n=len(scenes), unit="share")
    record.statistic(f"error/last map/{d} px/{kind}", found[last].mean(), n=len(scenes), unit="share")
    record.statistic(f"error/average/{d} px/{kind}", pooled[kind, d].mean(), n=len(scenes), unit="share")
first_map = whole["without a border", near][list(nodes)[0]]
end = {d: whole["off-the-shelf", d][last] for d in (near, far)}
display(Markdown(
    f"**Reading.** Without a border the smallest move costs {first_map.mean():.0%} of what the object adds in the very first "
    f"map, at the first stride. At the end, off the shelf, it costs {end[near].mean():.0%}, and the largest move "
    f"{end[far].mean():.0%}. Now look at the lines without a border: up to which stride are they exact, after each move? And "
    "where do the others leave zero after 32 px, although that is a whole number of cells in every layer?"
))  # fmt: skip

# %%
over = {"over": "photographs"}
record.claim(
    "first map", "Without a border, the smallest move costs more than a tenth of what the object adds in the first map.",
    uncertainty.student(first_map), above=0.1, unit="share", **over,
)  # fmt: skip
record.claim(
    "border", "With the border, the largest move costs more than a tenth in the last map.",
    uncertainty.student(end[far]), above=0.1, unit="share", **over,
)  # fmt: skip
record.claim(
    "blur", "The blur makes the error of the last map after the smallest move smaller.",
    uncertainty.ratio(end[near], whole["anti-aliased", near][last], **by_student), above=1, unit="times smaller", **over,
)  # fmt: skip
record.claim(
    "blur and border", "It makes that after the largest move smaller, too.",
    uncertainty.ratio(end[far], whole["anti-aliased", far][last], **by_student), above=1, unit="times smaller", **over,
)  # fmt: skip

# %% [markdown]
# ### What the average forgives
#
# An error that only puts things in the wrong place, or that cancels over the map, is gone in the average. How many times
# smaller is the error of the average than that of the last map?

# %%
forgiven = {d: uncertainty.ratio(end[d], pooled["off-the-shelf", d], **by_student) for d in (near, far)}
display(Markdown(
    f"**Reading.** Off the shelf, the average makes the error {forgiven[near].value:.1f} times smaller after the smallest "
    f"move, and {forgiven[far].value:.1f} times smaller after the largest."
))  # fmt: skip
record.claim(
    "average", "The average forgives more of the largest move's error than of the smallest one's.",
    uncertainty.ratio(end[far] / pooled["off-the-shelf", far], end[near] / pooled["off-the-shelf", near], **by_student),
    above=1, unit="times more", **over,
)  # fmt: skip

# %% [markdown]
# ### Does the energy before a stride predict the lattice?
#
# If aliasing makes the lattice of notebook 5, then a stride before which much energy lies above the Nyquist frequency
# should leave much of it in the maps, with that stride's period. Across: that energy, of what the object adds. Up: the
# size of the lattice with that period in the *similarity maps* (the similarity of each position's features with those at the centre) of the workbook's own study (75 px objects, every second
# position, so periods from 4 px). Each point is a stride, with intervals over objects.

# %%
held = {"off-the-shelf": "efficientnet_lite0/75px/2", "anti-aliased": "efficientnet_lite0AA/75px/2"}
groups = {kind: study.load().groups[key] for kind, key in held.items()}
lites = {kind: networks.load("efficientnet_lite0", antialiased=kind == "anti-aliased") for kind in held}
names = [name for name in groups["off-the-shelf"].object.values.tolist() if name in object_names] or ["cat", "espresso", "temple"]
middle = [shifting.Paste(objects.load(name, 75), 224) for name in names]
pictures = torch.cat([scene.render([[(side - 1) // 2 for side in scene.grid]]) for scene in middle])
white = torch.full((1, 3, 224, 224), 255, dtype=torch.uint8)
energy = {kind: equivariance.before_strides(each, pictures, white, device=device) for kind, each in lites.items()}
lattice = {
    kind: [variation.lattice(group.similarity.sel(object=name, anchor="c"), strides=lites[kind].strides, stride=2) for name in names]
    for kind, group in groups.items()
}
periods = list(lattice["off-the-shelf"][0].by_stride)
size = {(kind, s): np.array([each.by_stride[s] for each in every]) for kind, every in lattice.items() for s in periods}
points = {
    kind: {f"{s} px": (uncertainty.student(energy[kind][s]), uncertainty.student(size[kind, s])) for s in periods}
    for kind in held
}
figure = plots.predictions(points, xlabel="energy above the Nyquist frequency, share", ylabel="lattice in the maps (rms, cosine)")
record.save_figure(figure, "nyquist")
figure

# %%
pairs = {kind: np.array([[energy[kind][s].numpy(), size[kind, s]] for s in periods]) for kind in held}
ranks = {
    name: np.array([stats.spearmanr(*np.concatenate([pairs[kind] for kind in kinds])[:, :, i].T).statistic for i in range(len(names))])
    for name, kinds in {"all": list(held), "off-the-shelf": ["off-the-shelf"], "anti-aliased": ["anti-aliased"]}.items()
}
smaller = [size["off-the-shelf", s] / size["anti-aliased", s] for s in periods]
display(Markdown(
    f"**Reading.** The rank correlation over all strides and both networks is {ranks['all'].mean():.2f} (mean over objects); "
    f"over the strides of one network alone it is {ranks['off-the-shelf'].mean():.2f} off the shelf and "
    f"{ranks['anti-aliased'].mean():.2f} anti-aliased."
))  # fmt: skip
record.claim(
    "energy and lattice", "Over the strides of both networks, more energy above the Nyquist frequency goes with a larger lattice.",
    uncertainty.student(ranks["all"]), above=0, unit="rank correlation", **over,
)  # fmt: skip
record.claim(
    "energy and lattice/strides", "It does so over the strides of one network, too.",
    uncertainty.student((ranks["off-the-shelf"] + ranks["anti-aliased"]) / 2), above=0, unit="rank correlation", **over,
)  # fmt: skip
record.claim(
    "energy and lattice/blur", "At the same stride, less energy by the blur goes with a smaller lattice.",
    uncertainty.ratio(np.stack(smaller, 1), np.ones((len(names), len(periods))), **by_student), above=1, unit="times smaller", **over,
)  # fmt: skip

# %% [markdown]
# The three sentences ask three different things of the same points. The last compares a stride with itself, with and
# without a blur. The one before it compares strides: there, what the layers behind a stride make of its errors counts
# too, and an early stride has many behind it.
#
# ### Your guess beside it

# %%
guess.beside(
    f"in the first layer: {first_map.mean():.0%}", f"{whole['without a border', far][last].mean():.0%}", f"{end[far].mean():.0%}",
    forgiven[far].times_smaller(),
)  # fmt: skip

# %% [markdown]
# ## Exercises
#
# **1.** Write the layer that makes a network anti-aliased, and compare it with the one inside the twin.
#
# <details><summary>A solution</summary>
#
# ```python
# class BlurPool(torch.nn.Module):
#     def forward(self, maps):
#         line = torch.tensor([1.0, 2.0, 1.0]) / 4
#         kernel = (line[:, None] * line).expand(maps.shape[1], 1, 3, 3)
#         maps = torch.nn.functional.pad(maps, (1, 1, 1, 1), mode="replicate")
#         return torch.nn.functional.conv2d(maps, kernel, stride=2, groups=maps.shape[1])
#
# from helpers.networks.antialiasing import Blur
#
# picture = plain.preprocess(frames[0][:1])
# print(float((BlurPool()(picture) - Blur()(picture)).abs().max()))
# ```
#
# The difference is 0. In a network it takes the place of the stride: the layer before it runs at stride 1.
#
# </details>
#
# **2.** Without a border, in which layers is a move by 8 px exact? And by 12 px? Decide first, then look.
#
# <details><summary>A solution</summary>
#
# ```python
# torus, scene, (row, col) = three["without a border"], scenes[0], starts[0]
# maps = {d: equivariance.read(torus, scene.render([[row + d, col + d]]), nodes, device=device) for d in (0, 8, 12)}
# base = equivariance.read(torus, empty, nodes, device=device)
# for d in (8, 12):
#     for path, stride in nodes.items():
#         found = equivariance.error(maps[0][path], maps[d][path], base[path], shift=(d, d), stride=stride, ring=largest)
#         print(f"{d:2} px, stride {stride:2}, {path}: {float(found.whole):.4f}")
# ```
#
# A move is exact as long as the stride divides it: 8 px up to the stride of 8, and 12 px up to the stride of 4.
#
# </details>
#
# ## Explore
#
# The layer and the shift: the first object is moved around by up to 16 px each way (the middle of the map is no move),
# and each map shows the error of one layer. Where is it dark again, away from the middle?

# %%
picture = objects.Photo(frames[0][0], scenes[0].name)
around = shifting.Roll(picture, plain.frame, reach=16)
stages = {f"stride {stride}": path for path, stride in nodes.items()}  # the last layer of each stride
surfaces = {
    f"stride {nodes[path]}, {kind}": surface
    for kind in ("without a border", "off-the-shelf")
    for path, surface in equivariance.over_shifts(
        three[kind], around, empty, {path: nodes[path] for path in stages.values()}, step=step, device=device
    ).items()
}

# %%
panel = panels.MapPanel(surfaces, around, label="equivariance error", stride=step)
panel.left, panel.right = [f"{list(stages)[-2]}, {kind}" for kind in ("without a border", "off-the-shelf")]
panel

# %% [markdown]
# ## What this does not show
#
# - An error in a map is not yet an error of the answer. Notebook 4 looks at that.
# - By half a cell a map is moved as if it held no waves above the Nyquist frequency. A ReLU makes such waves, so that part
#   of the error in the first maps is that no coarse map could show what is there.
# - The network without a border was not trained without one. That its errors after 32 px are nothing is an identity; how
#   large they are after 1 px in a network that was trained so, it does not tell.
# - The interior and the border are told apart by place, not by cause: deep cells see the whole frame, so what the border
#   does is found in the interior too.
# - Objects on white. On a photograph that moves past the frame, new things come in at the edge, which is no error.

# %% [markdown] jp-MarkdownHeadingCollapsed=true
# ## For sceptics
#
# Controls and checks. In JupyterLab the arrow beside the heading opens them.

# %% [markdown]
# ### The border, with nothing in the frame
#
# The empty frame is the same everywhere, so whatever its maps show is the border's doing. Each cell's distance from the
# middle cell, over the most that objects add to a cell. Zeros everywhere: no position to be read.

# %%
figure = plots.heatmaps(
    [[echoes[kind][path] for kind in three] for path in rows], rows=[f"stride {nodes[path]}" for path in rows],
    columns=list(three), stride=[nodes[path] for path in rows], label="share of what objects add",
)  # fmt: skip
record.save_figure(figure, "empty")
for kind in ("off-the-shelf", "anti-aliased"):
    middle_cells = echoes[kind][last][1:-1, 1:-1]
    record.value(f"empty frame/last map/largest/{kind}", float(echoes[kind][last].max()), unit="share")
    record.value(f"empty frame/last map/interior mean/{kind}", float(middle_cells.mean()), unit="share")
figure

# %% [markdown]
# Which side gets the padding? At a stride an even map takes one line more on one side than on the other; which, was
# found by looking at what each layer sees, at two frame sizes.

# %%
mobile = networks.wrap(torchvision.models.mobilenet_v2(weights=None), name="MobileNetV2, untrained")
sides = [
    {"network": each.name, "frame": side, "layer": found.layer, "map": found.side, "top": found.top, "bottom": found.bottom,
     "left": found.left, "right": found.right, "even": found.even}
    for each, side in ((plain, plain.frame), (plain, plain.frame + 1), (mobile, 224))
    for found in equivariance.paddings(each, frame=side) if found.stride > 1
]  # fmt: skip
panels.Folded("Padding at each stride, in lines", pd.DataFrame(sides).style.hide(axis="index"))

# %% [markdown]
# ### Which corner is least like the rest, and is it the padding's side?
#
# In the paper's networks, the positions are least similar to the bottom right. MobileNetV2, one of them, pads at the top
# and left of each stride (the table above); EfficientNet-Lite pads at the bottom and right, as TensorFlow does. First what
# the study's maps say, over all their positions: the mean similarity to the top left minus that to the bottom right.

# %%
wide = study.by_object(study.load()).pivot_table(
    index=["network", "variant", "patch", "object", "cluster"], columns="anchor", values="mean_cosine"
).reset_index()  # fmt: skip
wide["tl - br"] = wide["tl"] - wide["br"]
leans = {
    key: uncertainty.student(rows_of["tl - br"], clusters=rows_of["cluster"])
    for key, rows_of in wide.groupby(["network", "variant", "patch"])
}
table = pd.DataFrame([{**dict(zip(("network", "variant", "size"), key, strict=True)), "tl - br": str(each)} for key, each in leans.items()])
record.claim(
    "corner/MobileNetV2", "In MobileNetV2, positions are more similar to the top left than to the bottom right.",
    leans["mobilenet_v2", "off-the-shelf", "small"], above=0, unit="cosine", source="the authors' table of means",
)  # fmt: skip
record.claim(
    "corner/EfficientNet-Lite0", "In EfficientNet-Lite0 it is the other way round.",
    leans["efficientnet_lite0", "off-the-shelf", "small"], below=0, unit="cosine",
)  # fmt: skip
panels.Folded("Top left minus bottom right, in all runs of the study", table.style.hide(axis="index"))

# %% [markdown]
# Now the padding is moved to the other side, and nothing else: EfficientNet-Lite0 with one line more at the top and left.
# And the frame is made 225 px wide, where each stride has as many lines on both sides. The same objects each time, at
# random positions that meet all places of the network's grid alike.

# %%
variants = {"as it is": (lites["off-the-shelf"], 224), "other side": (padding.swapped(lites["off-the-shelf"]), 224)}
variants["even"] = (lites["off-the-shelf"], 225)
lean = {}
for name, (each, frame) in variants.items():
    lean[name] = []
    for i, thing in enumerate(object_names):
        scene = shifting.Paste(objects.load(thing, 75), frame)
        corners = torch.tensor([[0, 0], [side - 1 for side in scene.grid]])
        where = torch.cat([corners, equivariance.spread(scene.grid, stride=32, count=corner_positions, seed=seed + i)])
        found = features.of_frames(each, scene.render(where), ["pool"], device=device)["pool"]
        to_corners = torch.cosine_similarity(found[:2, None], found[None, 2:], dim=-1).mean(1)
        lean[name].append(float(to_corners[0] - to_corners[1]))
record.claim(
    "padding's side", "With the odd lines of padding moved to the top and left, its bottom right falls behind its top left.",
    uncertainty.paired(lean["other side"], lean["as it is"], **by_student), above=0, unit="cosine", **over,
)  # fmt: skip
record.claim(
    "even padding", "With even padding its two corners are alike, within 0.01.",
    uncertainty.student(lean["even"]), above=-0.01, below=0.01, unit="cosine", **over,
)  # fmt: skip
pd.DataFrame({name: [str(uncertainty.student(each))] for name, each in lean.items()}, ["top left minus bottom right"])

# %% [markdown]
# What would settle it: if the side were all, the lean should turn with the side, and vanish where the padding is even. The
# first of these two claims asks the one, the second the other. Where only the first holds, the side is a cause, and not
# the only one: what is left is in the weights, or in the place of the grid, which moves with the padding.

# %% [markdown]
# ### Less than a pixel
#
# Shifts are whole pixels everywhere else. By Fourier's way or bilinearly (the weighted mean of the nearest pixels, which
# blurs) the frame can be moved by less. The *cosine similarity* (the cosine of the angle between two lists of features)
# with the unmoved frame, mean and standard deviation over the objects: does it fall at once, or only near a whole pixel?

# %%
fractions = [0, 0.25, 0.5, 0.75, 1]
finely = {}
with features.reader(plain, [plain.logits], device=device, fold=False) as read:
    for how in ("fourier", "bilinear"):
        moved = torch.cat([equivariance.moved(frames[0], (0, each), how=how) for each in fractions])
        found = read.each(moved, size=features.batch_for(plain, scenes[0].frame, device=read.device))
        found = found[plain.logits].unflatten(0, (len(fractions), -1))
        cosines = torch.cosine_similarity(found, found[:1], dim=-1).numpy()
        finely[how] = np.array(fractions), cosines.mean(1), cosines.std(1)
        record.statistic(f"sub-pixel/1 - cosine at a quarter/{how}", 1 - cosines[1].mean(), n=len(scenes), unit="1 - cosine")
figure = plots.distances(finely, label=f"cosine with the unmoved, {plain.logits}")
record.save_figure(figure, "subpixel")
figure

# %% [markdown]
# The limit of no shift at all is a derivative, which needs no step: the local equivariance error of Gruver et al. (2023) is
# the mean of its squares. Checked below against its definition by finite differences.

# %%
slope = equivariance.lie_derivative(plain, frames[0][:1])
tiny = 1 / 1024
with features.reader(plain, [plain.logits], device="cpu", fold=False) as read:
    ahead, behind = (read(equivariance.moved(frames[0][:1], (0, by)))[plain.logits] for by in (tiny, -tiny))
secant = (ahead - behind) / (2 * tiny)
record.value("local equivariance error", float(slope.square().mean()), unit="logits² per px²")
lie_apart = float((secant - slope).norm() / slope.norm())

# %% [markdown]
# ### A network that is exactly invariant
#
# The upper end of every scale: a small network with random weights and no border, which at each stride keeps the values
# of whichever of the four possible grids holds the most energy (Chaman and Dokmanic 2021). Moved around a torus, a map has
# the same four grids in another order. The same weights with a plain stride, and both under a moving frame, beside it.

# %%
controls = {}
photo = objects.Photo(frames[0][0], "noise")
ways = {"circular": shifting.Roll(photo, 64, reach=8), "cropped": shifting.Crop(photo, 64)}
for adaptive in (True, False):
    runtime.seed(seed)
    control = equivariance.polyphase(adaptive=adaptive)
    for way, scene in ways.items():
        corner = 0 if way == "circular" else 80
        where = torch.cartesian_prod(*[torch.arange(corner, corner + 17, 3)] * 2)
        found = features.of_frames(control, scene.render(where), ["pool"], device=device)["pool"].double()
        controls[control.name, way] = float((1 - torch.cosine_similarity(found, found[:1])).max())
for (name, way), value in controls.items():
    record.value(f"control/largest 1 - cosine/{name}/{way}", value, unit="1 - cosine")
pd.Series(controls).unstack().style.format("{:.2e}").set_caption("largest change, 1 − cosine")

# %% [markdown]
# ### Checks

# %%
if largest in shifts and not padding.obstacles(three["without a border"]):
    torus = max(float(each.max()) for each in whole["without a border", largest].values())
    record.check_below("error on a torus after the total stride", torus, bound=1e-4, source="a torus has no border; float32 rounding")
exact = torch.equal(equivariance.moved(frames[0], (shifts[0], shifts[0]), how="bilinear"), frames[shifts[0]].float())
record.check("moved bilinearly by whole pixels, as rendered", float(exact), expected=1, tolerance=0, source="equal to the bit")
record.check_below("largest change, polyphase on a torus", controls["polyphase, untrained", "circular"], bound=1e-6, source="Chaman and Dokmanic 2021; rounding")
record.check_above("and with a plain stride", controls["strided, untrained", "circular"], bound=1e-6, source="the check can fail")
record.check_below("derivative against finite differences, relative", lie_apart, bound=0.1, source="definition; a step of 1/1024 px over the kinks of ReLUs")
panels.Folded("The checks, all of which hold", record.finish())

# %% [markdown]
# ## References and next
#
# - R. Zhang. Making Convolutional Networks Shift-Invariant Again. ICML 2019.
# - A. Azulay, Y. Weiss. Why do deep convolutional networks generalize so poorly to small image transformations?
#   JMLR 20, 2019.
# - A. Chaman, I. Dokmanic. Truly shift-invariant convolutional neural networks. CVPR 2021.
# - N. Gruver, M. Finzi, M. Goldblum, A. G. Wilson. The Lie Derivative for Measuring Learned Equivariance. ICLR 2023.
#
# Next: with the mechanism known, what buys invariance in training? That is [notebook 7](07_causes.ipynb).
