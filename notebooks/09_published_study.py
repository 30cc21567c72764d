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
# # 9. What do the published numbers say, and do we get them, too?
#
# **The question.** Lee, Yang and Wang published more than pictures: mean cosines over 200 COCO objects, and on
# their interactive page 256 similarity maps. What do these say when they are measured rather than looked at? And
# do we get the same?
#
# That can be asked in three ways. *The same numbers*: a MobileNetV2, a close relative of the paper's, over COCO
# objects. *The same findings*: this workbook's own study, four ImageNet networks over eight photographed objects,
# put to the same tests. *The same maps*: the authors' maps computed again, where the networks' weights are at hand.
#
# The paper's means (section 4.1) are typed into this workbook, and the study comes with it. The authors' maps are
# used where they are found, or downloaded where you allow it (`download`).
#
# **Before you go on, predict.** In how many of the 20 published runs is the *centre* the anchor that everything
# else resembles most? Which corner is lowest: always the same one, or now this and now that? Does an object that
# moves from the left edge to the right change more, or one that moves from the top to the bottom?
#
# *Takes half a minute on two CPU cores.*

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

from helpers import assets, objects, records, runtime, shifting, similarity
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
pd.Series(runtime.stamp()["packages"], name="version").to_frame().T

# %%
missing = "The published maps are not at hand. "
missing += "`download = True` fetches them; or put `maps.npz` or the authors' `csv/` into a folder `published` "
missing += "on the assets search path (`SHIFT_ASSETS`)."
weights = ", ".join(f"{name} ({what})" for name, (what, _) in available.items()) or "none"
frames = sum(data.top1.size for data in ours.groups.values())
display(Markdown(
    f"At hand: the typed table with **{len(means)} means**; the workbook's study with **{frames:,} frames**; "
    f"**{len(maps)} of the {len(published.map_sums())} published maps**; networks to compute them again: **{weights}**."
))  # fmt: skip

# %% [markdown]
# ## One object
#
# One run of the typed table first: one network and layer, one patch size, with and without anti-aliasing. Each
# number is a mean over all positions and 200 objects, with its standard deviation over the objects.

# %%
one = means.query("network == 'resnet50' and patch == 'small'").set_index(["variant", "anchor"])
one = one[["mean_cosine", "std_over_objects"]].unstack("anchor")[["mean_cosine", "std_over_objects"]]
one.loc[["off-the-shelf", "antialiased"]].style.format("{:.3f}").set_caption("ResNet-50, fc, 75 px objects")

# %% [markdown]
# The published maps show two objects: the *berry*, pasted onto white (a position is the berry's place), and the *plane*, a
# photo through which the frame moves (a position is the window's place, so the object moves the other way).

# %%
corners = list(similarity.ANCHORS)
if assets.find("objects/berry_rgba.png"):
    scene = shifting.Paste(objects.load("berry"))
    places = list(similarity.anchors(scene.grid).values())
    titles = [f"{name}  {place}" for name, place in zip(corners, places, strict=True)]
    figure = plots.frames(scene.render(np.array(places)), titles=titles)
    display(figure)
else:
    display(Markdown("The berry is not at hand: put `objects/berry_rgba.png` on the assets search path to see it."))

# %% [markdown]
# Of the study's objects, one was computed at every pixel: a motorcycle of 125 px, in EfficientNet-Lite0 off the shelf
# and in its anti-aliased twin (this project's own, see [notebook 1](01_similarity_maps.ipynb)). Each map compares all
# positions with one anchor: the four corners and the centre.

# %%
fine = [ours.groups[f"efficientnet_lite0{aa}/125px/1"] for aa in ("", "AA")]
shown = [list(data.similarity.sel(object="motorcycle").values) for data in fine]
marks = list(similarity.anchors(shown[0][0].shape).values())
kinds = ["off-the-shelf", "anti-aliased"]
figure = plots.heatmaps(shown, rows=kinds, columns=corners, label="cosine similarity, pool", marks=marks)
record.save_figure(figure, "study_maps")
figure

# %% [markdown]
# ## Method
#
# **Gates.** Our reading of the paper as three statements, counted over the runs of a table. The published table
# must pass them before anything is computed. Then our study is put to them.
#
# **The study.** Four networks, eight objects (those that EfficientNet-Lite0 recognises), the paper's two sizes. Each
# object stands on white at every second pixel, for the two larger networks at every fifth. Intervals are Student's,
# 95%, over photographs: the cup with its saucer and the cup without it count as one witness.
#
# **Golden replay.** The study is a file, and a file can be wrong. So each run draws positions of every part of it at
# random, renders them, feeds them through the whole network, and compares.
#
# **Measures.** Each map is a function $s(p)$ of the position $p$, with $s = 1$ at its anchor $a$. *Local*: the
# drop at a distance of $d$ pixels, $1 - \overline{s}(|p - a| = d)$, over the ring of Chebyshev distance $d$.
# *Global*: $1 - \overline{s}$ over all positions. *Across* and *down*: $s$ between two corners of the same side.
# *Lattice*: the root mean square of what repeats with the network's strides. *Bias*: the tilt of the plane that fits
# the map best. ([Notebook 5](05_local_global_lattice.ipynb) has the details.)
#
# ## Run

# %%
measured = published.measures(maps)
replayed, again = published.replay(maps, available, names=replay_objects, stride=stride, device=device)
record.stamp["networks"] += replayed[["weights", "checksum"]].drop_duplicates().to_dict("records")
repeated = study.replay(ours, positions=sample, seed=seed, device=device)
each = study.by_object(ours)
theirs_and_ours = study.means(each)
display(Markdown(
    f"{len(measured)} published maps measured, {len(replayed)} computed again; {repeated.positions.sum()} positions "
    f"of the study's {len(repeated)} parts computed again."
))  # fmt: skip

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
    f"**Reading.** The centre is the highest anchor in **{gates.holds[0]} of {gates['of'][0]}** runs. It is nearest to "
    "everything, so that alone says little. But the four corners are equally far from everything, and yet the *bottom "
    f"right* is the lowest in **{gates.holds[1]} of {gates['of'][1]}**. Anti-aliasing "
    f"raises the centre in **{gates.holds[2]} of {gates['of'][2]}** pairs, {gates.note[2]}. All runs share their 200 "
    "objects, so these are not 20 independent trials: they say that it is so for *these objects* in every network."
))  # fmt: skip

# %% [markdown]
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
    f"**Reading.** Of the ten means **{within}** are within what another sample of objects may move them. The largest "
    f"difference is {ten.difference.abs().max():.3f}, and the order of the anchors has a rank correlation of "
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
# The same in numbers, with 95% intervals: ours, then the paper's.

# %%
table = theirs_and_ours.assign(
    text=[f"{row.mean_cosine:.3f} ({row.low:.3f} to {row.high:.3f})" for row in theirs_and_ours.itertuples()]
)
index = ["network", "variant", "layer", "patch", "stride", "objects"]
table = table.pivot(index=index, columns="anchor", values="text")[corners]
published_fc = chosen.pivot_table(index=["network", "variant", "layer", "patch"], columns="anchor", values="mean_cosine")
display(table, published_fc[corners].round(3))
for row in theirs_and_ours.query("network != 'mobilenet_v2'").itertuples():
    run = f"study/{row.network}, {row.variant}/{row.layer}/{row.patch}/{row.anchor}"
    record.statistic(run, row.mean_cosine, n=row.objects, unit="cosine")

# %% [markdown]
# The gates, put to our study: over its runs, and over the objects of each.

# %%
logits = theirs_and_ours.layer == "fc"
our_gates = published.gates(theirs_and_ours[logits])
for gate in our_gates.itertuples():
    record.value(f"study gates/{gate.gate}", gate.holds, unit=f"of {gate.of}")
display(our_gates)
counts = ["objects", "centre_highest", "bottom_right_lowest", "top_left_lowest"]
by_run = study.orders(each[each.layer == "fc"])
display(by_run[["network", "variant", "patch", *counts]])
lite, real = (by_run[by_run.network.str.startswith(name)] for name in ("efficientnet", "mobilenet"))
display(Markdown(
    f"**Reading.** The centre is the highest anchor in {our_gates.holds[0]} of {our_gates['of'][0]} runs, as it is in the "
    f"paper's, and in {lite.centre_highest.sum()} of the EfficientNets' {lite.objects.sum()} pairs of a run and an "
    "object. The bottom right is another matter. In MobileNetV2 it is the lowest for "
    f"{real.bottom_right_lowest.sum()} of {real.objects.sum()} pairs, far more than the quarter that chance would give. "
    f"In the EfficientNets it is the lowest for {lite.bottom_right_lowest.sum()} of {lite.objects.sum()}. What every run "
    "of the published table shows is no law of convolutional networks, then: these have no corner that is always worst."
))  # fmt: skip

# %%
by = ["object", "cluster"]
pairs = each.query("network == 'efficientnet_lite0' and layer == 'fc'").pivot_table(
    index=by, columns=["variant", "anchor"], values="mean_cosine", sort=False
)
gain, clusters = pairs["antialiased"] - pairs["off-the-shelf"], pairs.index.get_level_values("cluster")
centre, rest = gain["c"], gain.drop(columns="c").mean(axis=1)
rule = {"above": 0, "unit": "cosine", "source": "paper, section 4.1"}
sentence = "EfficientNet-Lite0: anti-aliasing raises the mean cosine to the {}."
record.claim("raised/centre", sentence.format("centre"), uncertainty.student(centre, clusters=clusters), **rule)
record.claim("raised/corners", sentence.format("corners"), uncertainty.student(rest, clusters=clusters), **rule)

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
# ### Is the study's file right?
#
# One object of each part, at positions drawn by `seed`: the largest differences to what the file says, and how many
# answers are others. It keeps cosines and probabilities to the nearest 1/4096.

# %%
display(repeated.style.format({"cosine": "{:.1e}", "probability": "{:.1e}"}).hide())
made = ours.about["made_with"]["study"]
display(Markdown(
    f"The study was packed on {ours.about['packed']} by `{ours.about['command']}`, with torch "
    f"{made['packages']['torch']} and timm {ours.about['packages']['timm']}. Allowed is a difference of "
    f"{study.TOLERANCE:.1e}: half a step of the file, and what another machine's float32 may add."
))  # fmt: skip

# %% [markdown]
# ### Across and down
#
# How alike are two corners? *Across*: top left with top right, bottom left with bottom right. *Down*: top left with
# bottom left, top right with bottom right. Both pairs are equally far apart.

# %%
if maps:
    sides = published.corners(maps).query("not layer.str.endswith('relu')", engine="python")
    wide = sides.pivot_table(index=["network", "layer", "variant"], columns="object", values=["across", "down"])
    display(wide.style.format("{:.3f}"))
    lower = int((sides.down < sides.across).sum())
    record.value("maps/down lower than across", lower, unit=f"of {len(sides)} maps")
    fc7 = sides.set_index(["network", "layer", "variant", "object"]).loc[("alexnet", "fc7", "off-the-shelf", "berry")]
    display(Markdown(
        f"**Reading.** In **{lower} of {len(sides)}** published cases the corners are less alike down than across. In "
        f"AlexNet's fc7 a berry at the left edge and at the right give a cosine of **{fc7.across:.3f}**, at the top "
        f"and at the bottom **{fc7.down:.3f}**. A likely cause is training: ImageNet's photographs are mirrored there, "
        "which makes left and right alike, and never turned upside down."
    ))  # fmt: skip
else:
    display(Markdown(missing))

# %% [markdown]
# In our study, layer `pool`, over both sizes:

# %%
sides = study.corners(ours).groupby(["network", "variant", *by], sort=False)[["across", "down"]].mean()
for (network, variant), rows in sides.groupby(["network", "variant"], sort=False):
    name = TITLES[network] + claims.BLURRED * (variant == "antialiased")
    for side in ("across", "down"):
        record.statistic(f"study/{side}/{name}", rows[side].mean(), n=len(rows), unit="cosine")
    apart = uncertainty.student(rows.across - rows.down, clusters=rows.index.get_level_values("cluster"))
    record.claim(f"across/{name}", f"{name}: corners are more alike across than down.", apart, above=0, unit="cosine")
display(sides.groupby(["network", "variant"], sort=False).mean().round(3))

# %% [markdown]
# ### The published maps
#
# The berry against the centre, for all networks, on one colour scale.

# %%
if names:
    chosen = [[maps[f"{name}{aa}/{layer}/berry/c"] for name in names] for aa in ("", "AA")]
    centre = similarity.anchors(chosen[0][0].shape)["c"]
    label, marks = f"cosine similarity, {layer}", [centre] * len(names)
    figure = plots.heatmaps(chosen, rows=kinds, columns=names, label=label, marks=marks)
    record.save_figure(figure, "maps")
    display(figure)
else:
    display(Markdown(missing))

# %% [markdown]
# ### Local and global
#
# Mean over the two objects, centre anchor. Each arrow leads from a network off-the-shelf to its anti-aliased
# version: to the left is less change at 1 px, downwards is less change over the frame. Equal lengths are equal
# factors.

# %%
if maps:
    plain = measured[(measured.anchor == "c") & ~measured.layer.str.endswith("relu")]
    table = plain.groupby(["network", "layer", "variant"], sort=False).mean(numeric_only=True).reset_index()
    figure = plots.local_global(table)
    record.save_figure(figure, "local_global")
    display(figure)
else:
    display(Markdown(missing))

# %%
if maps:
    pairs = table.set_index(["network", "layer", "variant"]).unstack("variant")
    local = pairs["drop_1"]["off-the-shelf"] / pairs["drop_1"]["antialiased"]
    rest = (1 - pairs["mean_cosine"]["off-the-shelf"]) / (1 - pairs["mean_cosine"]["antialiased"])
    for name, values in {"local": local, "global": rest}.items():
        record.statistic(f"maps/{name} gain, smallest", values.min(), n=len(values), unit="ratio")
        record.statistic(f"maps/{name} gain, largest", values.max(), n=len(values), unit="ratio")
    display(Markdown(
        f"**Reading.** Anti-aliasing divides the change at 1 px by **{local.min():.1f} to {local.max():.1f}**, and "
        f"the change over the whole frame by **{rest.min():.2f} to {rest.max():.2f}** (below 1 it grew). The local "
        f"gain is the larger one in {(local > rest).sum()} of {len(local)} networks and layers, the global one above "
        f"1 in {(rest > 1).sum()}: anti-aliasing helps across the frame, too, less than it does locally."
    ))  # fmt: skip

# %% [markdown]
# ### Lattice and bias
#
# Sizes in units of the cosine, mean over objects and anchors. *White noise* is the share of the variance that a map
# without any lattice would have at these periods.

# %%
if maps:
    shown = ["lattice_rms", "lattice_share", "tilt_down", "tilt_right", "top_bottom", "left_right"]
    by = measured.groupby(["network", "layer", "variant"], sort=False)[shown].mean()
    display(by.style.format("{:+.4f}").format("{:.4f}", ["lattice_rms"]).format("{:.0%}", ["lattice_share"]))
    rms = by["lattice_rms"].unstack("variant")
    for variant, column in rms.items():
        record.statistic(f"maps/lattice rms, {variant}", column.mean(), n=len(rms), unit="cosine")
    display(Markdown(
        f"**Reading.** What repeats with the strides is {rms['off-the-shelf'].mean():.4f} off-the-shelf and "
        f"{rms['antialiased'].mean():.4f} anti-aliased (mean over networks and layers; white noise would give a share "
        f"of {measured.lattice_null.mean():.0%}). It shrinks in {(rms['antialiased'] < rms['off-the-shelf']).sum()} "
        f"of {len(rms)} cases. In none does it vanish."
    ))  # fmt: skip
else:
    display(Markdown(missing))

# %% [markdown]
# ### Which anchor is best, in the maps?
#
# The same question as in the typed table, for two objects and more layers.

# %%
if maps:
    runs = measured.set_index(["network", "variant", "layer", "object", "anchor"])["mean_cosine"].unstack("anchor")
    best, worst = runs.idxmax(axis=1).unstack("object"), runs.idxmin(axis=1).unstack("object")
    counts = pd.concat({"highest": best.apply(pd.Series.value_counts), "lowest": worst.apply(pd.Series.value_counts)})
    display(counts.fillna(0).astype(int))
    centre_best = int((best == "c").sum().sum())
    record.value("maps/centre highest", centre_best, unit=f"of {best.size}")  # of published maps: nothing moves it
    display(Markdown(
        f"**Reading.** The centre is the highest anchor in {centre_best} of {best.size} runs of the two objects, and "
        f"the bottom right the lowest in {int((worst == 'br').sum().sum())}. What holds of the mean over 200 objects "
        "need not hold of one."
    ))  # fmt: skip
else:
    display(Markdown(missing))

# %% [markdown]
# ### The same maps?
#
# Published maps computed again, for the networks and objects at hand. With the published weights a map is
# *reproduced* where every position is within 0.005. Other weights can't reproduce it: for them $r$ says how alike the
# two maps are.

# %%
if len(replayed):
    columns = ["key", "weights", "positions", "largest_difference", "pearson_r", "verdict"]
    display(replayed[columns].style.format({"largest_difference": "{:.4f}", "pearson_r": "{:.3f}"}).hide())
    for row in replayed.itertuples():
        record.value(f"replay/{row.key}/largest difference", row.largest_difference, unit="cosine or probability")
        record.value(f"replay/{row.key}/r", row.pearson_r, unit="Pearson r")
else:
    display(Markdown(
        "Nothing can be replayed: it takes the published maps, their objects, and weights of the networks "
        "(`download = True` fetches maps and weights)."
    ))  # fmt: skip

# %%
if len(replayed):
    low, high = replayed.pearson_r.min(), replayed.pearson_r.max()
    display(Markdown(
        f"**Reading.** Weights: {', '.join(replayed.weights.unique())}. Between the published maps and those computed "
        f"again Pearson's r is {low:.2f} to {high:.2f}. A relative of the published network, with the same "
        "architecture and trained for the same task, gives maps of the same kind, not the same maps."
    ))  # fmt: skip

# %% [markdown]
# ### A sweep beside the paper's means
#
# `python -m helpers sweep --preset paper --out STORE` computes the protocol (COCO objects, both patch sizes);
# `store` shows what it has, finished or not. The tolerance is that of comparing two samples of objects; with all
# 200 objects of the protocol it is 0.005.

# %%
if store:
    table = published.beside(sweep.table(store), means)
    shown = ["network", "variant", "layer", "patch", "anchor", "weights", "objects"]
    shown += ["mean_cosine", "ours", "difference", "tolerance", "verdict"]
    display(table[shown].style.format(precision=4).hide())
    display(Markdown(f"Verdicts: {table.verdict.value_counts().to_dict()}."))
else:
    display(Markdown("No sweep was given; the paper's side of the table is above."))

# %% [markdown]
# ## Checks
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
record.finish()

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
# - An even step meets only every other phase of the network's strides. The published maps of MobileNetV2 have means
#   up to 0.006 higher at every second pixel, and within 0.001 at every fifth.
# - The centre's advantage mixes two things, being near to everything and being where objects were in training;
#   notebook 7 separates them on networks trained both ways.
# - The authors crop an object wider than tall to a square; the sweep does so too when it is compared with them
#   (`paper_crop`), and the other notebooks do not.
#
# ## Explore
#
# The published maps of the berry against its centre; choose two and move the berry.

# %%
if names and assets.find("objects/berry_rgba.png"):
    every = {key.replace("/berry/c", ""): values for key, values in maps.items() if key.endswith("/berry/c")}
    panel = panels.MapPanel(every, scene, label="cosine similarity with the centre")
    display(panel)
else:
    display(Markdown(missing))

# %% [markdown]
# ## References and next
#
# - J. Lee, J. Yang, Z. Wang. What Does CNN Shift Invariance Look Like? A Visualization Study. ECCV 2020
#   workshops; their interactive page serves the maps.
# - R. Zhang. Making Convolutional Networks Shift-Invariant Again. ICML 2019: the anti-aliased networks.
# - T.-Y. Lin et al. Microsoft COCO: Common Objects in Context. ECCV 2014.
#
# Next: your own network and your own object, in [notebook 10](10_your_own.ipynb).
