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
# # 9. What do the published numbers say, and do we get them, too?
#
# **The question.** Lee, Yang and Wang published more than pictures: mean cosines over 200 COCO objects, and on their
# interactive page 256 maps. What do these say when they are measured rather than looked at? And do we get the same?
#
# That can be asked in three ways. *The same numbers*: a MobileNetV2, a close relative of the paper's, over COCO objects. *The
# same findings*: this workbook's own study, four ImageNet networks over eight photographed objects, put to the same tests.
# *The same maps*: the authors' maps computed again, where the networks' weights are at hand.
#
# The paper's means (section 4.1) are typed into this workbook, and the study comes with it. The authors' maps are used where
# they are found, or downloaded where you allow it (`download`); without them their tables stay empty, and all else stands.
#
# *The core takes ten minutes to read and half a minute to run on two CPU cores; the part for sceptics is folded.*

# %% tags=["parameters"]
layer: str = "fc"  # name, the authors' layer whose maps are shown: fc, fc6, fc6relu, fc7, fc7relu
replay_objects: list = ["berry", "plane"]  # names, of the authors' two objects
stride: int = 8  # px, between positions computed again; the authors' is 1
sample: int = 12  # positions, of each part of the study, that are computed again
store: str = ""  # folder, a sweep (python -m helpers sweep) to set beside the paper's means; empty: none
download: bool = False  # whether maps and weights that are not at hand may be downloaded (over 1 GB)
seed: int = 0  # integer, of the positions computed again
device: str = "auto"  # name, cpu, cuda or auto
out: str = "../runs/lab"  # folder, where figures and numbers go

# %% [markdown]
# ## Set-up

# %%
import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from helpers import objects, records, runtime, shifting, similarity
from helpers.measures import claims, published, study, uncertainty
from helpers.networks.source import TITLES
from helpers.tools import sweep
from helpers.views import panels, plots

runtime.seed(seed)
given = {"layer": layer, "replay_objects": replay_objects, "stride": stride, "sample": sample, "store": store}
given |= {"download": download, "seed": seed}
record = records.Record("09_published_study", out, given, device=device)
means = published.coco_means()
ours = study.load()
maps = published.find_maps(download=download)
available = published.replayable(download=download)
names = [name for name in ("alexnet", "vgg16", "resnet50", "mobilev2") if f"{name}/{layer}/berry/c" in maps]
versions = pd.Series(runtime.stamp()["packages"], name="version").to_frame().T
panels.Folded("Versions", versions)

# %%
weights = ", ".join(f"{name} ({what})" for name, (what, _) in available.items())
frames = sum(data.top1.size for data in ours.groups.values())
pd.Series({
    "means, typed": len(means), "frames of the workbook's study": frames, "published maps": f"{len(maps)} of {len(published.map_sums())}",
    "networks to compute them again": weights,
}, name="at hand").to_frame()  # fmt: skip

# %% [markdown]
# ## One object
#
# Of the study's objects, one was computed at every pixel: a motorcycle of 125 px, in EfficientNet-Lite0 *off the shelf* (as it
# was published) and in its *anti-aliased* *twin* (which blurs before each step at which it drops pixels; this project's own, see
# [notebook 1](01_similarity_maps.ipynb)). Each **similarity map** compares all positions with one **anchor**, the position at the
# circle: the four corners and the centre. Compared are the network's <abbr title="the numbers that a layer of the network
# computes from one picture">features</abbr>, by the *cosine*, which is 1 where they are proportional.

# %%
fine = [ours.groups[f"efficientnet_lite0{aa}/125px/1"] for aa in ("", "AA")]
fine_maps = [list(data.similarity.sel(object="motorcycle").values) for data in fine]
corners = list(similarity.ANCHORS)
marks = list(similarity.anchors(fine_maps[0][0].shape).values())
kinds = ["off-the-shelf", "anti-aliased"]
figure = plots.heatmaps(fine_maps, rows=kinds, columns=corners, label="cosine similarity, pool", marks=marks)
record.save_figure(figure, "study_maps")
figure

# %% [markdown]
# ### Predict, then look

# %%
guess = panels.Guess({
    "In how many of the 20 published runs is the centre the anchor that everything else resembles most?": ["5", "10", "15", "20"],
    "Which corner is lowest in those runs?": ["always the same", "now this, now that"],
    "And in our EfficientNets, does the same corner come last?": ["mostly", "as often as by chance", "hardly ever"],
    "Which changes more?": ["the left edge to the right", "the top to the bottom", "both alike"],
})  # fmt: skip
guess

# %% [markdown]
# ## Method
#
# **Gates** are our reading of the paper as three statements, counted over the runs of a table. The published table must pass
# them before anything is computed. Then our study is put to them.
#
# **The study.** Four networks, eight objects (those that EfficientNet-Lite0 recognises), the paper's two sizes. Each object
# stands on white at every second pixel, for the two larger networks at every fifth. An *interval* says how far off a mean may
# be, given how much the objects differ (Student's, 95%). It is over photographs: the cup with its saucer and the cup without
# it count as one witness.
#
# **Golden replay.** The study is a file, and a file can be wrong. So each run draws positions of every part of it at random,
# renders them, feeds them through the whole network, and compares.
#
# By hand, one row of the typed table: one network and layer, one size of the objects. Each number is a mean over all positions
# and 200 objects, with its standard deviation over the objects. Which anchor is highest, and which is lowest?

# %%
one = means.query("network == 'resnet50' and patch == 'small'").set_index(["variant", "anchor"])
one = one[["mean_cosine", "std_over_objects"]].unstack("anchor")[["mean_cosine", "std_over_objects"]]
one.loc[["off-the-shelf", "antialiased"]].style.format("{:.3f}").set_caption("ResNet-50, fc, 75 px objects")

# %% [markdown]
# ## Run

# %%
measured = published.measures(maps)
replayed, again = published.replay(maps, available, names=replay_objects, stride=stride, device=device)
record.stamp["networks"] += replayed[["weights", "checksum"]].drop_duplicates().to_dict("records")
repeated = study.replay(ours, positions=sample, seed=seed, device=device)
each = study.by_object(ours)
theirs_and_ours = study.means(each)
pd.Series({
    "published maps measured": len(measured), "published maps computed again": len(replayed),
    "positions of the study computed again": repeated.positions.sum(), "parts of the study": len(repeated),
}, name="count").to_frame()  # fmt: skip

# %% [markdown]
# ## Results
#
# ### The paper's means
#
# All 100 of them on one scale; bars are one standard deviation over objects.

# %%
figure = plots.anchor_means(means, anchors=similarity.ANCHORS)
record.save_figure(figure, "means")
figure

# %%
gates = published.gates(means)
for gate in gates.itertuples():
    record.value(f"typed/{gate.gate}", gate.holds, unit=f"of {gate.of}")
display(gates)
display(Markdown(
    f"**Reading.** The centre is the highest anchor in **{gates.holds[0]} of the 20** runs, and the bottom right the lowest in "
    f"**{gates.holds[1]}**. Anti-aliasing raises the centre in **{gates.holds[2]} of the 10** pairs."
))  # fmt: skip

# %% [markdown]
# The centre is nearest to everything, so that alone says little. But the four corners are equally far from everything, and yet
# one of them comes last. All runs share their 200 objects, so these are not 20 independent trials: they say that it is so
# for *these objects* in every network.
#
# ### The same numbers?
#
# A MobileNetV2 with other ImageNet weights than the paper's (fine-tuned from the same ones, for integer arithmetic),
# over other COCO objects, chosen and cut by the same protocol. The weights and COCO don't come with the workbook:
# its numbers were recorded when the study was made. The tolerance is what two samples of objects may differ by.

# %%
relative = ours.about["relative"]
named = ours.relative.assign(network=f"mobilenet_v2@{relative['name']}", layer=relative["layer"])
ten = published.beside(named, means)
shown = ["patch", "anchor", "objects", "mean_cosine", "ours", "difference", "tolerance", "verdict"]
display(ten[shown].rename(columns={"mean_cosine": "published"}).style.format(precision=4).hide())
for row in ten.itertuples():
    record.value(f"MobileNetV2/{row.patch}/{row.anchor}", row.ours, unit="cosine")
within = int((ten.difference.abs() <= ten.tolerance).sum())
record.value("MobileNetV2/within tolerance", within, unit=f"of {len(ten)} means")
display(Markdown(
    f"**Reading.** Of the ten means **{within}** are within what another sample of objects may move them; the largest difference is "
    f"{ten.difference.abs().max():.3f}. The anchors' order has a rank correlation of "
    f"{ten['ours'].corr(ten['mean_cosine'], method='spearman'):.2f} with the published one."
))  # fmt: skip

# %% [markdown]
# ### The same findings?
#
# The workbook's study beside the published means of the logits (`fc`), on one scale. Bars are one standard deviation
# over objects, as above.

# %%
recorded = theirs_and_ours.network == "mobilenet_v2"
beside = theirs_and_ours.assign(network=theirs_and_ours.network.mask(recorded, "MobileNetV2, ours"))
chosen = means[means.layer == "fc"]
beside = beside[beside.layer == "fc"].sort_values("network", key=lambda names: names != "MobileNetV2, ours", kind="stable")
figure = plots.anchor_means(pd.concat([chosen, beside]), anchors=similarity.ANCHORS)
record.save_figure(figure, "study")
figure

# %% [markdown]
# The gates, put to our study: over its runs, and over the objects of each.

# %%
logits = theirs_and_ours.layer == "fc"
our_gates = published.gates(theirs_and_ours[logits])
for gate in our_gates.itertuples():
    record.value(f"study gates/{gate.gate}", gate.holds, unit=f"of {gate.of}")
counts = ["objects", "centre_highest", "bottom_right_lowest", "top_left_lowest"]
by_run = study.orders(each[each.layer == "fc"])
display(our_gates, by_run[["network", "variant", "patch", *counts]])
lite, real = (by_run[by_run.network.str.startswith(name)] for name in ("efficientnet", "mobilenet"))
last = {name: f"{rows.bottom_right_lowest.sum()} of {rows.objects.sum()}" for name, rows in (("lite", lite), ("real", real))}
display(Markdown(
    f"**Reading.** The bottom right is the lowest corner for {last['real']} pairs of a run and an object in MobileNetV2, and for "
    f"{last['lite']} in the EfficientNets; by chance it would be a quarter."
))  # fmt: skip

# %% [markdown]
# The centre is the highest anchor here, too. The corner that comes last is another matter: what every run of the published
# table shows is no law of convolutional networks. ([Notebook 6](06_layer_by_layer.ipynb) asks whether it is decided by the
# side of the *padding*, the zeros around each map.)

# %%
by = ["object", "cluster"]
pairs = each.query("network == 'efficientnet_lite0' and layer == 'fc'").pivot_table(
    index=by, columns=["variant", "anchor"], values="mean_cosine", sort=False
)
gain, clusters = pairs["antialiased"] - pairs["off-the-shelf"], pairs.index.get_level_values("cluster")
centre, rest = gain["c"], gain.drop(columns="c").mean(axis=1)
rule = {"above": 0, "unit": "cosine", "source": "paper, section 4.1"}
record.claim("raised/centre", "EfficientNet-Lite0: anti-aliasing raises the mean cosine to the centre.", uncertainty.student(centre, clusters=clusters), **rule)
record.claim("raised/corners", "EfficientNet-Lite0: anti-aliasing raises the mean cosine to the corners.", uncertainty.student(rest, clusters=clusters), **rule)

# %% [markdown]
# ### The table of claims
#
# Findings against networks, at 75 px: of the published networks what their means and maps of the logits say (VGG16, the
# lattice and the smallest shift rest on two objects), of ours what the maps of `pool` say, over eight objects from six
# photographs. The smallest shift is one step of the maps: 1, 2 or 5 px.

# %%
effects = published.effects(maps, means) | study.effects(ours)
claims.keep(record, effects)
findings = claims.table(effects).groupby("finding", sort=False).filter(lambda rows: (rows.verdict == "no data").mean() < 1)
figure = plots.claims(findings)
record.save_figure(figure, "claims")
figure

# %% [markdown]
# ### Across and down
#
# How alike are two corners? *Across*: top left with top right, bottom left with bottom right. *Down*: top left with bottom
# left, top right with bottom right. Both pairs are equally far apart. In our study, layer `pool`, over both sizes:

# %%
sides = study.corners(ours).groupby(["network", "variant", *by], sort=False)[["across", "down"]].mean()
more = {}
for (network, variant), rows in sides.groupby(["network", "variant"], sort=False):
    name = TITLES[network] + claims.BLURRED * (variant == "antialiased")
    for side in ("across", "down"):
        record.statistic(f"study/{side}/{name}", rows[side].mean(), n=len(rows), unit="cosine")
    more[name] = uncertainty.student(rows.across - rows.down, clusters=rows.index.get_level_values("cluster"))
display(pd.DataFrame({"across minus down": more}))

# %%
alike = {"above": 0, "unit": "cosine", "show": False}
for name, each_of in more.items():
    record.claim(f"across/{name}", "In this network, corners are more alike across than down.", each_of, **alike)
lite0 = more[TITLES["efficientnet_lite0"]]

# %% [markdown]
# Where the whole interval is above 0, left and right are more alike than top and bottom. A likely cause is training: ImageNet's
# photographs are mirrored there, which makes left and right alike, and never turned upside down. The same in the published
# maps, for the berry and the plane:

# %%
sides = published.corners(maps).query("not layer.str.endswith('relu')", engine="python") if maps else pd.DataFrame()
if maps:
    record.value("maps/down lower than across", int((sides.down < sides.across).sum()), unit=f"of {len(sides)} maps")
    sides = sides.pivot_table(index=["network", "layer", "variant"], columns="object", values=["across", "down"])
panels.Folded("Corners of the published maps, across and down", sides.round(3))

# %% [markdown]
# ### Your guess beside it

# %%
guess.beside(
    f"{gates.holds[0]} of {gates['of'][0]}", f"the bottom right in {gates.holds[1]} of {gates['of'][1]}", f"bottom right in {last['lite']}",
    f"across more alike than down by {lite0} (EfficientNet-Lite0)",
)  # fmt: skip

# %% [markdown]
# ## Exercises
#
# **1.** Is the centre the highest anchor for every single object, or only on average? Count it, in the study, for each network.
#
# <details><summary>A solution</summary>
#
# ```python
# counted = study.orders(each[each.layer == "fc"]).groupby(["network", "variant"])[["objects", "centre_highest"]].sum()
# print(counted)
# ```
#
# A mean over objects may hide that they disagree; here they hardly do.
#
# </details>
#
# **2.** The centre is nearest to everything. How much of its advantage is that alone? Compare each anchor with the positions
# within 40 px of it only.
#
# <details><summary>A solution</summary>
#
# ```python
# for anchor in corners:
#     near = []
#     for one_map in ours.groups["efficientnet_lite0/75px/2"].similarity.sel(anchor=anchor):
#         at = similarity.anchors(one_map.shape)[anchor]
#         row, col = np.indices(one_map.shape)
#         near.append(float(one_map.values[np.maximum(abs(row - at[0]), abs(col - at[1])) <= 20].mean()))  # steps of 2 px
#     print(anchor, round(float(np.mean(near)), 3))
# ```
#
# Compared over the same distances, the centre's advantage is what is left of it in these numbers.
#
# </details>
#
# ## Explore
#
# The study's motorcycle at every pixel: two of its maps, and the object moved through them.

# %%
motorcycle = shifting.Paste(objects.load("motorcycle", 125), frame=224)
every = {f"{kind}, from {anchor}": values for kind, row in zip(kinds, fine_maps, strict=True) for anchor, values in zip(corners, row, strict=True)}
panel = panels.MapPanel(every, motorcycle, label="cosine similarity")
panel

# %% [markdown]
# ## What this does not show
#
# - The means are read off the authors' logs, to six digits; per-object values are not published, so intervals here
#   rest on their standard deviations.
# - Two objects are not a sample. What the published maps say about networks is said about a berry and a plane.
# - The study's eight objects come from six photographs, and they aren't the paper's. Its networks are none of the
#   paper's. Where it finds something else, either may be why.
# - At every second pixel the last position is one pixel short of the frame's edge: the far corners aren't quite as
#   near to it as the near ones. (At every fifth pixel they are.)
# - An even step meets only every other phase of the network's *strides*, the steps at which it drops pixels. The published maps of MobileNetV2 have means
#   up to 0.006 higher at every second pixel, and within 0.001 at every fifth.
# - The centre's advantage mixes two things, being near to everything and being where objects were in training;
#   notebook 7 separates them on networks trained both ways.
# - The authors crop an object wider than tall to a square; the sweep does so too when it is compared with them
#   (`paper_crop`), and the other notebooks do not.

# %% [markdown] jp-MarkdownHeadingCollapsed=true
# ## For sceptics
#
# Controls and checks. In JupyterLab the arrow beside the heading opens them.

# %% [markdown]
# ### Is the study's file right?
#
# One object of each part, at positions drawn by `seed`: the largest differences to what the file says, and how many answers are
# others. It keeps cosines and probabilities to the nearest 1/4096. Allowed is a difference of half a step of the file, and what
# another machine's float32 may add.

# %%
made = ours.about["made_with"]["study"]
packed = {"on": ours.about["packed"], "by": ours.about["command"], "torch": made["packages"]["torch"], "timm": ours.about["packages"]["timm"]}
panels.Folded(
    "Differences, what is allowed, and when the study was packed", repeated.round(6),
    pd.Series({**packed, "allowed": study.TOLERANCE}, name="the file").to_frame(),
)  # fmt: skip

# %% [markdown]
# ### The study's means in numbers
#
# With 95% intervals: ours, then the paper's.

# %%
table = theirs_and_ours.assign(
    text=[f"{row.mean_cosine:.3f} ({row.low:.3f} to {row.high:.3f})" for row in theirs_and_ours.itertuples()]
)
index = ["network", "variant", "layer", "patch", "stride", "objects"]
table = table.pivot(index=index, columns="anchor", values="text")[corners]
published_fc = chosen.pivot_table(index=["network", "variant", "layer", "patch"], columns="anchor", values="mean_cosine")
for row in theirs_and_ours.query("network != 'mobilenet_v2'").itertuples():
    run = f"study/{row.network}, {row.variant}/{row.layer}/{row.patch}/{row.anchor}"
    record.statistic(run, row.mean_cosine, n=row.objects, unit="cosine")
panels.Folded("Means of the study, and of the paper", table, published_fc[corners].round(3))

# %% [markdown]
# ### The published maps
#
# They show two objects: the *berry*, pasted onto white (a position is the berry's place), and the *plane*, a photo through which
# the frame moves (a position is the window's place, so the object moves the other way). Below, the berry against the centre, for
# all networks, on one colour scale.

# %%
if names:
    chosen = [[maps[f"{name}{aa}/{layer}/berry/c"] for name in names] for aa in ("", "AA")]
    centre = similarity.anchors(chosen[0][0].shape)["c"]
    label, marks = f"cosine similarity, {layer}", [centre] * len(names)
    figure = plots.heatmaps(chosen, rows=kinds, columns=names, label=label, marks=marks)
    record.save_figure(figure, "maps")
    display(figure)

# %% [markdown]
# ### Local and global
#
# *Local* is the drop at a distance of one pixel, *global* one minus the mean of the map. Mean over the two objects, centre anchor.
# Each arrow leads from a network off-the-shelf to its anti-aliased version: to the left is less change at 1 px, downwards is less
# change over the frame. Equal lengths are equal factors.

# %%
if maps:
    plain = measured[(measured.anchor == "c") & ~measured.layer.str.endswith("relu")]
    table = plain.groupby(["network", "layer", "variant"], sort=False).mean(numeric_only=True).reset_index()
    figure = plots.local_global(table)
    record.save_figure(figure, "local_global")
    display(figure)

# %%
if maps:
    pairs = table.set_index(["network", "layer", "variant"]).unstack("variant")
    local = pairs["drop_1"]["off-the-shelf"] / pairs["drop_1"]["antialiased"]
    rest = (1 - pairs["mean_cosine"]["off-the-shelf"]) / (1 - pairs["mean_cosine"]["antialiased"])
    for name, values in {"local": local, "global": rest}.items():
        record.statistic(f"maps/{name} gain, smallest", values.min(), n=len(values), unit="ratio")
        record.statistic(f"maps/{name} gain, largest", values.max(), n=len(values), unit="ratio")
    display(pd.DataFrame({"local, times smaller": local, "global, times smaller": rest}).agg(["min", "max"]).round(2))

# %% [markdown]
# Above 1, anti-aliasing makes the change smaller. In how many cases does it help across the frame, too, and less than locally?
#
# ### Lattice and bias
#
# *Lattice*: the root mean square of what repeats with the network's strides. *Bias*: the tilt
# of the plane that fits the map best, and the difference of its halves. Sizes in units of the cosine, mean over objects and anchors.
# ([Notebook 5](05_local_global_lattice.ipynb) has the details.)

# %%
by_network = pd.DataFrame()
if maps:
    columns = ["lattice_rms", "lattice_share", "tilt_down", "tilt_right", "top_bottom", "left_right"]
    by_network = measured.groupby(["network", "layer", "variant"], sort=False)[columns].mean()
    rms = by_network["lattice_rms"].unstack("variant")
    for variant, column in rms.items():
        record.statistic(f"maps/lattice rms, {variant}", column.mean(), n=len(rms), unit="cosine")
panels.Folded("Lattice and bias of the published maps", by_network.round(4))

# %% [markdown]
# ### Which anchor is best, in the maps?
#
# The same question as in the typed table, for two objects and more layers. What holds of the mean over 200 objects need not hold
# of one.

# %%
places = pd.DataFrame()
if maps:
    runs = measured.set_index(["network", "variant", "layer", "object", "anchor"])["mean_cosine"].unstack("anchor")
    best, worst = runs.idxmax(axis=1).unstack("object"), runs.idxmin(axis=1).unstack("object")
    places = pd.concat({"highest": best.apply(pd.Series.value_counts), "lowest": worst.apply(pd.Series.value_counts)}).fillna(0).astype(int)
    record.value("maps/centre highest", int((best == "c").sum().sum()), unit=f"of {best.size}")  # of published maps: nothing moves it
panels.Folded("How often each anchor is highest and lowest", places)

# %% [markdown]
# ### The same maps?
#
# Published maps computed again, for the networks and objects at hand. With the published weights a map is *reproduced* where every
# position is within 0.005. Other weights can't reproduce it: for them Pearson's $r$ says how alike the two maps are. A relative of
# the published network, with the same architecture and trained for the same task, gives maps of the same kind, not the same maps.

# %%
again_table = pd.DataFrame()
if len(replayed):
    again_table = replayed[["key", "weights", "positions", "largest_difference", "pearson_r", "verdict"]].round(4)
    for row in replayed.itertuples():
        record.value(f"replay/{row.key}/largest difference", row.largest_difference, unit="cosine or probability")
        record.value(f"replay/{row.key}/r", row.pearson_r, unit="Pearson r")
panels.Folded("Published maps computed again", again_table)

# %% [markdown]
# ### A sweep beside the paper's means
#
# `python -m helpers sweep --preset paper --out STORE` computes the protocol (COCO objects, both patch sizes); `store` shows what it
# has, finished or not. The tolerance is that of comparing two samples of objects; with all 200 objects of the protocol it is 0.005.

# %%
swept = pd.DataFrame()
if store:
    columns = ["network", "variant", "layer", "patch", "anchor", "weights", "objects", "mean_cosine", "ours", "difference", "tolerance", "verdict"]
    swept = published.beside(sweep.table(store), means)[columns].round(4)
panels.Folded("The sweep given, beside the paper", swept)

# %% [markdown]
# ### Checks
#
# The gates; what holds for every similarity map; the study's file, computed again; and, where published weights were
# replayed, the published values.

# %%
for gate in gates.itertuples():
    record.check(gate.gate, gate.holds, expected=gate.of, tolerance=0, source="paper, section 4.1, and the authors' table of means")
record.check_below("largest typed mean", means.mean_cosine.max(), bound=1, source="cosine")
record.check_above("smallest typed mean", means.mean_cosine.min(), bound=-1, source="cosine")
cosines = {key: values for key, values in maps.items() if "/class/" not in key}
if cosines:
    at = {key: similarity.anchors(values.shape)[key.split("/")[-1]] for key, values in cosines.items()}
    off = max(abs(float(values[at[key]]) - 1) for key, values in cosines.items())
    record.check("maps: similarity of the anchor with itself, largest |s - 1|", off, expected=0, tolerance=1e-6, source="definition; float32")
    largest = max(float(np.abs(values).max()) for values in maps.values())
    record.check_below("maps: largest |value|", largest, bound=1 + 1e-6, source="cosine or probability; float32")
for row in replayed[replayed.weights == "published weights"].itertuples():
    record.check(f"replay: {row.key}", row.largest_difference, expected=0, tolerance=0.005, source="authors' map; other kernels and resize")
if len(replayed):
    record.check_below("replay: largest |value|", max(np.abs(v).max() for v in again.values()), bound=1 + 1e-5, source="float32")
for name, rows in repeated.groupby("network", sort=False):
    source = "the study's file: half a step, and float32 of another machine"
    for what in ("cosine", "probability"):
        record.check(f"study, {name}: {what}", rows[what].max(), expected=0, tolerance=study.TOLERANCE, source=source)
    record.check(f"study, {name}: other answers", rows.answers.sum(), expected=0, tolerance=0, source="logits over 1e-3 apart")
    record.check(f"study, {name}: weights", rows.same_weights.mean(), expected=1, tolerance=0, source="SHA-256 in the study")
panels.Folded("The checks, all of which hold", record.finish())

# %% [markdown]
# ## References and next
#
# - J. Lee, J. Yang, Z. Wang. What Does CNN Shift Invariance Look Like? A Visualization Study. ECCV 2020
#   workshops; their interactive page serves the maps.
# - R. Zhang. Making Convolutional Networks Shift-Invariant Again. ICML 2019: the anti-aliased networks.
# - T.-Y. Lin et al. Microsoft COCO: Common Objects in Context. ECCV 2014.
#
# Next: your own network and your own object, in [notebook 10](10_your_own.ipynb).
