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
# # 3. Is the change only a reordering?
#
# **The question.** When the object moves, its features change. Perhaps nothing is lost: perhaps the same values
# are there, at *other places in the vector*, as an image of a shifted object holds the same pixel values at
# other places. Then the features would be invariant up to a **permutation**.
#
# This is the third experiment of Lee, Yang and Wang (2020), in **our reading**: the authors' public code does not
# contain experiment 3, so what follows is what we understand by it, with the controls that the question needs.
#
# **Before you go on, predict.** Sort the values of the features at two positions and compare the sorted vectors.
# (a) How similar will they be, of one object far apart? (b) And of two *different* objects? (c) If there is a
# reordering that belongs to "8 px to the right", will the one that is best for some objects serve another?
#
# *Takes about a minute and a half on one CPU core.*

# %% tags=["parameters"]
network: str = "efficientnet_lite0"  # name, of networks.load: efficientnet_lite1, resnet50, demo_alexnet, ...
weights: str = "default"  # name, "default" are the network's own
layer: str = "pool"  # name, the layer that is reordered: pool, fc; fc6, fc7, fc8 of AlexNet and VGG16
object_names: list = ["espresso", "cat", "motorcycle", "cameraman", "shuttle", "temple", "officer", "dahlia"]  # at least 2
object_size: int = 75  # px, side of the objects
stride: int = 9  # px, between neighbouring positions
displacements: list = [9, 18, 36, 63, 99]  # px, to the right; multiples of the stride
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

from helpers import features, networks, objects, records, runtime, shifting, similarity
from helpers.measures import claims, permutations, uncertainty
from helpers.views import panels, plots

if len(object_names) < 2:
    raise ValueError(f"object_names: at least 2, one to fit to and one to ask about; got {len(object_names)}")
runtime.seed(seed)
given = {"network": network, "weights": weights, "layer": layer, "object_names": object_names}
given |= {"object_size": object_size, "stride": stride, "displacements": displacements, "seed": seed}
plain = networks.load(network, weights=weights)
smooth = networks.load(network, antialiased=True, weights=weights)
both = {"off-the-shelf": plain, "anti-aliased": smooth}
room = plain.frame - object_size  # px, the farthest that an object can move
sizes = [each for each in displacements if each % stride == 0 and 0 < each <= room]
if not sizes:
    raise ValueError(f"displacements {displacements}: none is a multiple of stride {stride}, up to {room} px")
record = records.Record("03_permutation", out, given, [plain, smooth], device=device)
pd.Series(runtime.stamp(weights=plain.weights)["packages"], name="version").to_frame().T

# %% [markdown]
# **The networks.** EfficientNet-Lite0 is an ImageNet classifier made for phones, taken off the shelf. It is not one
# of the paper's four; those can be had by name where there is an internet connection (`network = "resnet50"`). Its
# anti-aliased twin was made by this project: a blur before each stride but the first, then training to agree with
# the original on other photographs. It is not Zhang's network, and it does not always give the original's answer.
#
# Layer `pool` is what the classifier decides on: each dimension is one kind of feature, averaged over the frame. The
# averages are of activations that cannot be negative, so *any* two of these vectors point in a similar direction.

# %%
panels.Folded("Weights", pd.Series({each.title: each.weights for each in both.values()}, name="weights").to_frame())

# %% [markdown]
# ## One object
#
# At the centre of the frame, in the top left corner, and another object at the centre. Is the corner's feature
# vector a reordering of the centre's? (The objects are cut out of photographs, each of another one.)

# %%
scenes = [shifting.Paste(objects.load(name, object_size), frame=plain.frame) for name in object_names]
rows, cols = (np.asarray(each) for each in shifting.positions(scenes[0].grid, stride))
grid = len(rows), len(cols)
middle = similarity.anchors(grid)["c"]
home = [int(rows[middle[0]]), int(cols[middle[1]])]
shown = torch.cat([scenes[0].render(torch.tensor([home, [0, 0]])), scenes[1].render(torch.tensor([home]))])
figure = plots.frames(shown, titles=[f"{scenes[0].name}, centre", f"{scenes[0].name}, corner", f"{scenes[1].name}, centre"])
record.save_figure(figure, "object")
display(Markdown(f"{len(scenes)} objects, each at {grid[0]} x {grid[1]} positions, {stride} px apart."))
figure

# %% [markdown]
# The positions are an *odd* number of pixels apart so that displacements change the object's phase on the grids of
# all the network's strides; 8, 32 or 64 px would leave it as it was on some of them, and so leave out what those do.

# %% [markdown]
# ## Method
#
# Let $u$ and $v$ be the features of one object at two positions. Over all $D!$ reorderings $\pi$ of $v$, the most
# similar is the one that puts $v$'s largest value where $u$'s largest is, and so on down: **sort both**.
#
# $$ \max_\pi \cos(u, v_\pi) = \cos(\mathrm{sort}(u), \mathrm{sort}(v)) $$
#
# (the rearrangement inequality). The *sorted cosine* is therefore an upper bound, with a different $\pi$ for each
# pair. A reordering that *explains* the change must be the same for all objects: one $\pi$ for one displacement,
#
# $$ \hat\pi = \arg\max_\pi \sum_{n \,\in\, \text{training}} \cos\bigl(u_n, (v_n)_\pi\bigr), $$
#
# an assignment problem on a $D \times D$ matrix, solved exactly, and judged on objects not in the sum.
# Calls: `permutations.cosine(u, v)`, `sorted_cosine(u, v)`, `fit(u, v)`, `held_out(u, v)`. Cosines are the paper's:
# features are not centred, so features that are never negative start high; what centring them does is shown below.
#
# ## Run

# %%
found = {
    kind: [
        features.extract(each, scene, [layer], stride=stride, device=device, progress=False).layers[layer]
        for scene in scenes
    ]
    for kind, each in both.items()
}
vectors = {kind: torch.stack(line).numpy() for kind, line in found.items()}
count, dimensions = len(scenes), vectors["off-the-shelf"].shape[-1]
shares = {
    "negative": np.mean([(each < 0).mean() for each in vectors.values()]),
    "exactly zero": np.mean([(each == 0).mean() for each in vectors.values()]),
}
for name, share in shares.items():
    record.count(f"values/{name}", share, n=sum(each.size for each in vectors.values()), unit="share of values")
display(Markdown(
    f"Layer `{layer}`: {dimensions} dimensions. Of all values, {shares['negative']:.0%} are negative and "
    f"{shares['exactly zero']:.0%} exactly zero."
))  # fmt: skip

# %% [markdown]
# ## Results
#
# ### Sorting makes everything alike
#
# Every dot is one dimension: its value in one vector against its value in another. On the grey line they agree.

# %%
centre, corner = vectors["off-the-shelf"][0][middle], vectors["off-the-shelf"][0][0, 0]
stranger = vectors["off-the-shelf"][1][middle]
trio = {
    "same object, moved": (centre, corner),
    "the same, both sorted": (np.sort(centre), np.sort(corner)),
    "different objects, sorted": (np.sort(centre), np.sort(stranger)),
}
figure = plots.against(trio, labels=[("centre", "corner"), ("centre, sorted", "corner, sorted"),
                              (f"{scenes[0].name}, sorted", f"{scenes[1].name}, sorted")])  # fmt: skip
record.save_figure(figure, "against")
figure

# %%
raw, ordered = (float(each(centre, corner)) for each in (permutations.cosine, permutations.sorted_cosine))
other = float(permutations.sorted_cosine(centre, stranger))
noise = permutations.others(np.random.default_rng(seed).standard_normal((6, dimensions))).mean()
strangers = float(permutations.cosine(centre, stranger))
for name, value in (("as they are", raw), ("sorted", ordered), ("sorted, another object", other)):
    record.value(f"centre and corner/{name}", value, unit="cosine")
record.value("centre and corner/as they are, another object", strangers, unit="cosine")
record.value(f"sorted/unrelated Gaussian vectors/{dimensions}", noise, unit="cosine")
display(Markdown(
    f"**A surprise.** Centre and corner: {raw:.3f} as they are, **{ordered:.3f} sorted**. "
    f"{100 * (ordered - raw) / (1 - raw):.0f}% of the change seems to be a reordering! But two *different* objects go from "
    f"{strangers:.3f} to {other:.3f} when sorted, and unrelated Gaussian noise of {dimensions} dimensions from about 0 to "
    f"{noise:.4f} (the more dimensions, the nearer to 1). Sorting keeps nothing but the *histogram* of the values, zeros "
    "included, and histograms of one layer are much alike. So the bound alone proves nothing."
))  # fmt: skip

# %% [markdown]
# ### As maps
#
# Every position of the first object against the centre, as it is and sorted, on one colour scale.

# %%
maps = {kind: permutations.maps(each[0], anchor=middle) for kind, each in vectors.items()}
figure = plots.heatmaps(
    list(maps.values()), rows=list(maps), columns=["as they are", "both sorted"], stride=stride, label=f"cosine with the centre, {layer}",
    marks=[middle, middle],
)  # fmt: skip
record.save_figure(figure, "maps")
figure

# %%
table, pairs = {}, [(n, m) for n in range(count) for m in range(count) if n != m]
for kind, line in vectors.items():
    own = np.array([permutations.maps(each, anchor=middle) for each in line]).mean((0, 2, 3))
    ordered = np.sort(line, -1)  # once for all pairs: the sorted cosine is the cosine of these
    away = [permutations.cosine(ordered[n], ordered[m][middle]).mean() for n, m in pairs]
    centres = permutations.cosine(line[:, None, *middle], line[None, :, *middle])[np.triu_indices(count, 1)]
    table[kind] = {
        "same object, one at the centre, as it is": own[0],
        "same object, one at the centre, sorted": own[1],
        "different objects, one at the centre, sorted": np.mean(away),
        "different objects, both at the centre, as they are": centres.mean(),
        "different objects, both at the centre, sorted": permutations.others(line[:, *middle]).mean(),
    }
table = pd.DataFrame(table)
for kind, column in table.items():
    for name, value in column.items():
        record.statistic(f"{name}/{kind}", value, n=count, unit="cosine")
caption = f"mean cosine over {count} objects, the other vector anywhere or at the centre; {plain.name}, {layer}"
table.style.format("{:.3f}").set_caption(caption)

# %%
same, moved = (table.loc[f"{what}, one at the centre, sorted", "off-the-shelf"] for what in ("same object", "different objects"))
different = table.loc["different objects, both at the centre, sorted", "off-the-shelf"]
display(Markdown(
    f"**Reading.** Sorted, off-the-shelf, an object at the centre is {same:.3f} similar to itself anywhere, {different:.3f} to "
    f"other objects at the centre, and {moved:.3f} to other objects at the *same* displacements. How little these differ is "
    "how little a sorted cosine says about the object."
))  # fmt: skip

# %% [markdown]
# ### One reordering for a displacement
#
# The test that can fail (displacements to the right; the solution that a reader looks for, one permutation for all
# objects, is the same in any direction). For each displacement, pairs (before, after) are taken at several places of the frame; one
# permutation is fitted to all objects but one and scored on that one, each in turn. Bands: ± one standard
# deviation over objects.

# %%
steps = [each // stride for each in sizes]
every = max(1, grid[0] // 5)
tests = {
    kind: [permutations.held_out(*permutations.pairs(line, displacement=(0, step), step=every), draws=5, seed=seed) for step in steps]
    for kind, line in vectors.items()
}
spread = {
    kind: {
        key: (np.array([getattr(t, key).mean() for t in line]), np.array([getattr(t, key).std(ddof=1) for t in line]))
        for key in ("upper", "others", "trained", "identity", "fitted", "random")
    }
    for kind, line in tests.items()
}
figure = plots.reorderings(spread, at=sizes)
record.save_figure(figure, "reorderings")
figure

# %%
for kind, line in tests.items():
    for size, test in zip(sizes, line, strict=True):
        for key in ("identity", "fitted", "trained", "upper", "others", "random"):
            record.statistic(f"{key}/{size} px/{kind}", getattr(test, key).mean(), n=count, unit="cosine")
        share = "share of dimensions"
        record.count(f"moved/{size} px/{kind}", test.moved.mean(), n=count * dimensions, unit=share)
gained = {kind: [float((test.fitted - test.identity).mean()) for test in line] for kind, line in tests.items()}
moved = {kind: [float(test.moved.mean()) for test in line] for kind, line in tests.items()}
table = pd.DataFrame(
    {(kind, name): values for kind in both for name, values in
     # + 0.0: a gain of -1e-17 is rounding, and no loss
     (("gain on unseen objects", np.round(gained[kind], 4) + 0.0), ("dimensions moved", moved[kind]))},
    index=pd.Index(sizes, name="displacement (px)"),
)  # fmt: skip
table.style.format("{:+.4f}", subset=[c for c in table if "gain" in c[1]]).format(
    "{:.1%}", subset=[c for c in table if "moved" in c[1]]
)

# %%
for kind, line in gained.items():
    record.statistic(f"largest gain/{kind}", max(line), n=count, unit="cosine")
undone = {}  # of the change, by the best of the displacements, per object
for kind, line in tests.items():
    undone[kind] = np.mean([(test.fitted - test.identity) / (1 - test.identity) for test in line], axis=0)
most = max(share for line in moved.values() for share in line)
off, on = (uncertainty.student(each) for each in undone.values())
display(Markdown(
    f"**The answer.** A permutation fitted on other objects undoes {off.value:+.1%} of the change off the shelf and "
    f"{on.value:+.1%} anti-aliased (mean over displacements and objects; below 0 it *adds* to the change). The permutation "
    f"that fits the training objects best, of all {dimensions}!, moves at most {most:.1%} of the dimensions; the others are best "
    "left where they are. (The largest displacements leave the fewest pairs to fit to: where training and unseen objects "
    "part, the permutation fits chance.)"
))  # fmt: skip
record.claim("reordering/off-the-shelf", "Off the shelf, a reordering that objects share undoes less than a tenth of the change.", off, below=0.1, unit="of the change", source="paper, experiment 3")
record.claim("reordering/anti-aliased", "Anti-aliased, a reordering that objects share undoes less than a tenth of the change.", on, below=0.1, unit="of the change", source="paper, experiment 3")
titles = plain.title.removesuffix(", off-the-shelf"), smooth.title
claims.keep(record, {title: {"no mere reordering": each} for title, each in zip(titles, (off, on), strict=True)})

# %% [markdown]
# ### How easily this is got wrong
#
# The same with a *single* pair for each object: fewer equations, and as many permutations to choose from.

# %%
step = steps[len(steps) // 2]
u, v = permutations.pairs(vectors["off-the-shelf"], displacement=(0, step), step=every)
shared = vectors["off-the-shelf"].mean((0, 1, 2))
variants = {
    f"{count - 1} training pairs": (u[:, :1], v[:, :1]),
    f"{(count - 1) * u.shape[1]} training pairs": (u, v),
    f"{(count - 1) * u.shape[1]} pairs, centred": (u - shared, v - shared),
}
trials = [permutations.held_out(*pair, draws=5, seed=seed) for pair in variants.values()]
names = {"identity": "as they are", "trained": "fitted, training objects", "fitted": "fitted, unseen objects"}
table = pd.DataFrame({
    variant: {name: getattr(test, key).mean() for key, name in names.items()}
    for variant, test in zip(variants, trials, strict=True)
})  # fmt: skip
for variant, column in table.items():
    for name, value in column.items():
        record.statistic(f"{variant}/{name}/{step * stride} px", value, n=count, unit="cosine")
display(table.style.format("{:.3f}").set_caption(f"off-the-shelf, {step * stride} px"))

# %%
few, _, middled = trials
flatter, honest = float((few.trained - few.identity).mean()), float((few.fitted - few.identity).mean())
missing = float(1 - few.identity.mean())
display(Markdown(
    f"**Reading.** From a single pair per object, a permutation is found that changes the cosine by {flatter:+.3f} on the "
    f"objects it was fitted to, and by {honest:+.3f} on an unseen one; {missing:.3f} is missing to 1. Reported without "
    "held-out objects, the first number looks like a discovery. Last column: the mean of all features subtracted, since a mean that all share (as features that are never negative "
    "do) could hold every dimension in its place; on unseen objects the fitted permutation then gains "
    f"{float((middled.fitted - middled.identity).mean()):+.3f}."
))  # fmt: skip

# %% [markdown]
# ### Would the method see a reordering if there were one?
#
# Two positive controls. **Planted**: the features, reordered by a permutation that is not told. **Pixels**: the
# picture itself, as the darkness of small square cells; moving an object over white by whole cells moves their
# values and changes none. A dot is an object, a diamond the mean.

# %%
plant = np.random.default_rng(seed).permutation(dimensions)
origin = vectors["off-the-shelf"][:, ::every, ::every].reshape(count, -1, dimensions)
planted = permutations.held_out(origin[..., plant], origin, draws=5)
cells = max(1, plain.frame // 32)
shift = cells * max(1, min(16, scenes[0].grid[1] - 1) // cells)
at = torch.tensor([[r, c] for r in range(0, scenes[0].grid[0], 4 * cells)
                   for c in range(0, scenes[0].grid[1] - shift, 4 * cells)])  # fmt: skip
dark = [
    torch.stack([
        torch.nn.functional.avg_pool2d(255.0 - scene.render(where).float().mean(1, keepdim=True), cells).flatten(1)
        for scene in scenes
    ]).numpy()
    for where in (at, at + torch.tensor([0, shift]))
]  # fmt: skip
pixels = permutations.held_out(*dark, draws=5)

# %%
controls = {
    "planted permutation": planted.fitted - planted.identity,
    f"pixels, {shift} px": pixels.fitted - pixels.identity,
    **{f"{layer}, {kind}, {size} px": test.fitted - test.identity
       for kind, line in tests.items() for size, test in list(zip(sizes, line, strict=True))[1::2]},
}  # fmt: skip
for name, test in (("planted", planted), ("pixels", pixels)):
    record.statistic(f"control/{name}/identity", test.identity.mean(), n=count, unit="cosine")
    record.statistic(f"control/{name}/fitted", test.fitted.mean(), n=count, unit="cosine")
figure = plots.gains(controls, label="gain of the fitted permutation on unseen objects (cosine; 0: none)")
record.save_figure(figure, "gains")
display(figure)
display(Markdown(
    f"**Reading.** Where the change *is* a reordering, it is found: the planted one lifts unseen objects from "
    f"{planted.identity.mean():.3f} to {planted.fitted.mean():.3f}, and pixels (cells of {cells} x {cells} px) go from "
    f"{pixels.identity.mean():.3f} to {pixels.fitted.mean():.3f}. The picture is reordered by a shift; what the network makes of "
    "it is another matter."
))  # fmt: skip

# %% [markdown]
# And how *little* of a reordering would be found? Plant one in a part of the dimensions only, in the features as they
# change anyway when the object moves, and see what the fitted permutation then undoes of the planted change.

# %%
before, after = permutations.pairs(vectors["off-the-shelf"], displacement=(0, step), step=every)
draw, planted_parts = np.random.default_rng(seed), {}
for part in (0.01, 0.05, 0.2, 0.5):
    chosen = draw.permutation(dimensions)[: max(2, round(part * dimensions))]
    shuffled = after.copy()
    shuffled[..., chosen] = after[..., draw.permutation(chosen)]
    test = permutations.held_out(before, shuffled, draws=1, seed=seed)
    added = permutations.cosine(before, after).mean() - permutations.cosine(before, shuffled).mean()  # by planting
    planted_parts[f"{part:.0%} of the dimensions"] = {
        "change before": 1 - permutations.cosine(before, after).mean(), "added by planting": added,
        "undone on unseen objects": (test.fitted - test.identity).mean(),
    }  # fmt: skip
power = pd.DataFrame(planted_parts).T.rename_axis("planted in")
for name, line in power.iterrows():
    record.statistic(f"power/{name}", line["undone on unseen objects"], n=count, unit="cosine")
power.style.format("{:+.4f}")

# %% [markdown]
# **Reading.** Where the last column nears the one before it, a reordering of that size would have been seen beside the
# change that is there anyway. What is smaller than that, this method cannot rule out.

# %% [markdown]
# ## Checks
#
# What must hold for any network: sorting never lowers a cosine, no permutation beats the bound, a planted
# permutation is recovered (exactly on the objects it was fitted to; on an unseen one but for dimensions that are zero
# in all of those), a random one is no better than the fitted one, and on the objects it was fitted to the fitted one is
# no worse than none.

# %%
lowest = min(float((each[1] - each[0]).min()) for each in maps.values())
record.check_above("sorted - raw cosine, smallest", lowest, bound=-1e-9, source="rearrangement inequality")
line = [test for each in tests.values() for test in each]
record.check_above("bound - fitted, smallest", min(float((t.upper - t.fitted).min()) for t in line), bound=-1e-9, source="same")
source = "by construction"
record.check("planted permutation, cosine on training objects", planted.trained.min(), expected=1, tolerance=1e-6, source=source)
regained = float((planted.fitted - planted.identity).min())
record.check_above("planted permutation, gain on unseen objects", regained, bound=0, source=source)
record.check_above("pixels, cosine on unseen objects", pixels.fitted.mean(), bound=0.95, source="a shift reorders pixels")
untouched = [(t.identity.sum() - t.identity) / (count - 1) for t in line]  # of the objects each was fitted to
worse = min(float((t.trained - base).min()) for t, base in zip(line, untouched, strict=True))
record.check_above("fitted - identity on training objects", worse, bound=-1e-8, source="the identity is a permutation")
lucky = max(float((t.random - t.fitted).mean()) for t in line)
record.check_below("random - fitted on unseen objects, mean", lucky, bound=0, source="sanity, ours")
wide = permutations.others(np.random.default_rng(seed).standard_normal((6, 4096))).mean()
record.check_above("sorted cosine of Gaussian noise of 4096 dimensions", wide, bound=0.998, source="order statistics")
panels.Folded("The checks, all of which hold", record.finish())

# %% [markdown]
# ## What this does not show
#
# - The paper's own numbers for its third experiment can't be compared: its procedure isn't published as code.
# - Only *one* permutation per displacement was sought, the same at all places of the frame. A reordering that also
#   depends on the place is not excluded, only one that would be of any use.
# - Cosines of features that are not centred start high, because all feature vectors of a layer share a mean. How high
#   is seen in the figure: it is what a random reordering leaves.
# - Layers that still are maps (before the network averages or flattens them) *are* reordered by shifts of a whole
#   stride, like pixels. The average over the frame that `pool` takes does away with that reordering, and what is
#   left of the change is something else.
# - The networks are not the paper's, nor is the layer: the paper's are had by name, where they can be downloaded.
#
# ## Explore
#
# The maps of the first object, as they are and sorted, for both networks.

# %%
names = {"as they are": 0, "both sorted": 1}
layers = {f"{name}, {kind}": maps[kind][index] for name, index in names.items() for kind in both}
panel = panels.MapPanel(layers, scenes[0], label="cosine with the centre", stride=stride)
panel

# %% [markdown]
# ## References and next
#
# - J. Lee, J. Yang, Z. Wang. What Does CNN Shift Invariance Look Like? A Visualization Study. ECCV 2020
#   workshops. Its third experiment, in our reading.
# - G. H. Hardy, J. E. Littlewood, G. Polya. Inequalities. Cambridge, 1934. Theorem 368.
# - D. F. Crouse. On implementing 2D rectangular assignment algorithms. IEEE Transactions on Aerospace and Electronic
#   Systems 52, 2016. The solver behind `scipy.optimize.linear_sum_assignment`.
#
# Next: features move. Does the *answer* of the classifier move with them? That is
# [notebook 4](04_classifier_answers.ipynb).
