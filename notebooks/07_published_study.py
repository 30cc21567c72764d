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
# # 7. What do the published numbers say, and do we get them, too?
#
# **The question.** Lee, Yang and Wang published more than pictures: mean cosines over 200 COCO objects, and on
# their interactive page 256 similarity maps. What do these say when they are measured rather than looked at? And
# does this workbook, given the same network and object, compute the same maps?
#
# The data are those behind the paper's similarity figures (section 4.1) and the page. The table of means is typed
# into this workbook; the maps are used where they are found, or downloaded where you allow it (`download`).
#
# **Before you go on, predict.** In how many of the 20 published runs is the *centre* the anchor that everything
# else resembles most? Anti-aliasing was made against shifts of a pixel or two: by which factor will it cut the
# change at 1 px, and by which factor the change over the whole frame?
#
# *Takes about a minute on two CPU cores with everything at hand, some seconds with the typed table alone.*

# %% tags=["parameters"]
layer: str = "fc"  # name, the authors' layer whose maps are shown: fc, fc6, fc6relu, fc7, fc7relu
replay_objects: list = ["berry", "plane"]  # names, of the authors' two objects
stride: int = 8  # px, between positions computed again; the authors' is 1
store: str = ""  # folder, a sweep (python -m helpers sweep) to set beside the paper's means; empty: none
download: bool = False  # whether maps and weights that are not at hand may be downloaded (over 1 GB)
device: str = "auto"  # name, cpu, cuda or auto
out: str = "../runs/lab"  # folder, where figures and numbers go

# %% [markdown]
# ## Set-up

# %%
import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from helpers import assets, objects, records, runtime, shifting, similarity
from helpers.measures import published
from helpers.tools import sweep
from helpers.views import panels, plots

given = {"layer": layer, "replay_objects": replay_objects, "stride": stride, "store": store, "download": download}
record = records.Record("07_published_study", out, given, device=device)
means = published.coco_means()
maps = published.find_maps(download=download)
available = published.replayable(download=download)
names = [name for name in ("alexnet", "vgg16", "resnet50", "mobilev2") if f"{name}/{layer}/berry/c" in maps]
pd.Series(runtime.stamp()["packages"], name="version").to_frame().T

# %%
missing = "The published maps are not at hand. "
missing += "`download = True` fetches them; or put `maps.npz` or the authors' `csv/` into a folder `published` "
missing += "on the assets search path (`SHIFT_ASSETS`)."
weights = ", ".join(f"{name} ({what})" for name, (what, _) in available.items()) or "none"
display(Markdown(
    f"At hand: the typed table with **{len(means)} means**; **{len(maps)} of {len(published.map_sums())} maps**; "
    f"networks to compute them again: **{weights}**. {'' if maps else missing}"
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
# The maps show two objects: the *berry*, pasted onto white (a position is the berry's place), and the *plane*, a
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
# ## Method
#
# **Gates.** Before any computation, our reading of the paper is put to its own table: three statements, counted.
#
# **Measures.** Each map is a function $s(p)$ of the position $p$, with $s = 1$ at its anchor $a$. *Local*: the
# drop at a distance of $d$ pixels, $1 - \overline{s}(|p - a| = d)$, over the ring of Chebyshev distance $d$.
# *Global*: $1 - \overline{s}$ over all positions. *Lattice*: the root mean square of what repeats with the
# network's strides. *Bias*: the tilt of the plane that fits the map best. (Notebook 5 has the details.)
#
# **Replay.** With the network and the object at hand, the map is computed again and compared position by
# position: largest $|\Delta|$ and Pearson's $r$. With the published weights the verdict is *reproduced* where
# $|\Delta| \le 0.005$ everywhere. A network that is merely related gets no verdict, only its numbers.
#
# ## Run

# %%
measured = published.measures(maps)
replayed, ours = published.replay(maps, available, names=replay_objects, stride=stride, device=device)
record.stamp["networks"] += replayed[["weights", "checksum"]].drop_duplicates().to_dict("records")
display(Markdown(f"{len(measured)} similarity maps measured, {len(replayed)} maps computed again."))

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
lines = [f"{gate.gate} in **{gate.holds} of {gate.of}**" for gate in gates.itertuples()]
display(Markdown(
    f"**Reading.** Counted over runs and pairs: {'; '.join(lines)} ({gates.note.iloc[-1]}). The centre resembles the "
    "rest most, partly because it is nearest to everything; that the *bottom right* is worst every time is no matter "
    "of distance, since all four corners are equally far away. Anti-aliasing helps the centre and hardly the corners."
))  # fmt: skip

# %% [markdown]
# ### The published maps
#
# The berry against the centre, for all networks, on one colour scale.

# %%
if names:
    kinds = {"off-the-shelf": "", "anti-aliased": "AA"}
    chosen = [[maps[f"{name}{aa}/{layer}/berry/c"] for name in names] for aa in kinds.values()]
    centre = similarity.anchors(chosen[0][0].shape)["c"]
    marks = [centre] * len(names)
    figure = plots.heatmaps(chosen, rows=list(kinds), columns=names, label=f"cosine similarity, {layer}", marks=marks)
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
        f"gain is the larger one in {(local > rest).sum()} of {len(local)} networks and layers."
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
        f"of {len(rms)} cases, and does not vanish: the blur weakens the lattice, it does not remove it."
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
        f"**Reading.** The centre is the highest anchor in {centre_best} of {best.size} runs of the two objects: "
        "the rule of the table, but a rule over many objects, with exceptions for one."
    ))  # fmt: skip
else:
    display(Markdown(missing))

# %% [markdown]
# ### Golden replay
#
# Published maps computed again, for the networks and objects at hand.

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
    name, thing = replayed.key[0].split("/")[0], replayed.key[0].split("/")[2]
    keys = [f"{name}/fc/{thing}/{anchor}" for anchor in corners]
    theirs = [maps[key][::stride, ::stride] for key in keys]
    again = [ours[key] for key in keys]
    rows = ["published", "computed again"]
    label = f"cosine similarity, {name}, fc, {thing}"
    figure = plots.heatmaps([theirs, again], rows=rows, columns=corners, stride=stride, label=label)
    record.save_figure(figure, "replay")
    display(figure)

# %%
if len(replayed):
    what, low, high = replayed.weights[0], replayed.pearson_r.min(), replayed.pearson_r.max()
    verdicts = replayed.verdict.value_counts().to_dict()
    display(Markdown(
        f"**Reading.** {'; '.join(f'{count} x {verdict}' for verdict, count in verdicts.items())}. Weights behind "
        f"the lower row: **{what}**; over all maps computed again r is {low:.2f} to {high:.2f}. A relative of the "
        "published network learned the same task with the same architecture and gives maps of the same kind, not "
        "the same maps: only the published weights can reproduce the published values."
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
# The gates; what holds for every similarity map; and, where published weights were replayed, the published values.

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
    record.check_below("replay: largest |value|", max(np.abs(v).max() for v in ours.values()), bound=1 + 1e-5, source="float32")
record.finish()

# %% [markdown]
# ## What this does not show
#
# - The means are read off the authors' logs, to six digits; per-object values are not published, so intervals here
#   rest on their standard deviations.
# - Two objects are not a sample. What the maps say about networks is said about a berry and a plane.
# - The centre's advantage mixes two things, being near to everything and being where objects were in training;
#   notebook 6 separates them on networks trained both ways.
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
# Next: your own network and your own object, in [notebook 8](08_your_own.ipynb).
