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
# # 7. Causes: what buys global invariance?
#
# **The question.** Features change over one pixel, and they drift over the whole frame. Anti-aliasing helps most
# against the first (notebook 5). What helps against the second: a different architecture, other training
# positions, or another treatment of the border?
#
# The paper compares networks that somebody else trained (its Tables 1 and 2), so several things differ at once.
# The *embedded* networks (small ones that this project trained, see [notebook 11](11_embedded_networks.ipynb))
# differ in one thing at a time: three architectures, each with and without anti-aliasing, each trained with its
# objects near the centre (the photographer's bias) or everywhere. And a network's border can be changed without
# training it again. All of this is ours, and all of it is about small networks: a controlled experiment, not a
# survey.
#
# **Before you go on, predict.** Rank these by how much they make features the same all over the frame:
# (a) averaging the last map instead of flattening it, (b) anti-aliasing, (c) showing the network its objects
# everywhere in training, (d) removing the border, by padding each map with its own other side.
#
# *Takes about a minute on two CPU cores.*

# %% tags=["parameters"]
network: str = "demo_resnet"  # name, the network whose border is changed; any of networks.load
weights: str = "default"  # name, of that network: "centre" or "uniform" for an embedded one
layer: str = "fc"  # name, of that network: the layer that is measured
object_names: list = ["airplane", "cup", "flower", "knight", "scissors", "skull", "umbrella", "digit 3"]  # names
object_size: int = 48  # px, side of the objects
training_seed: int = 0  # integer, of the embedded networks' training; 0 comes with the workbook
stride: int = 7  # px, between positions; odd, so that every place of the object on the grid is met
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
from helpers.measures import variation
from helpers.tools.training import seeds
from helpers.views import panels, plots

runtime.seed(seed)
given = {"network": network, "weights": weights, "layer": layer, "object_names": object_names}
given |= {"object_size": object_size, "training_seed": training_seed, "stride": stride, "seed": seed}
if len(set(object_names)) < 2:
    raise ValueError(f"object_names {object_names}: objects are compared with each other, so give at least two")
pd.Series(runtime.stamp()["packages"], name="version").to_frame().T

# %%
kinds = {"off-the-shelf": False, "anti-aliased": True}
trained = {
    (name, training, kind): networks.load(
        name, antialiased=smooth,
        weights=seeds.weights(name, antialiased=smooth, positions=training, seed=training_seed),
    )
    for name in networks.EMBEDDED
    for training in ("centre", "uniform")
    for kind, smooth in kinds.items()
}
variant = "centre" if weights == "default" else weights
chosen = {
    kind: trained.get((network, variant, kind)) or networks.load(network, antialiased=smooth, weights=weights)
    for kind, smooth in kinds.items()
}
plain = chosen["off-the-shelf"]
shared = max(np.gcd(stride, each.strides[-1]) for each in [*trained.values(), plain])
if shared > 2:
    raise ValueError(
        f"stride {stride} px shares the factor {shared} with the networks' grid, so most places on the grid are never "
        f"met: use an odd stride, such as {stride - 1}"
    )
record = records.Record("07_causes", out, given, [*trained.values(), *chosen.values()], device=device)

# %% [markdown]
# ## One object
#
# "Shifting an image" means four different things, and the literature uses all of them. Top: the object in the
# middle. Bottom: moved down and right. **Pasted**: the object moves, the background stays. **Cropped**: the
# camera moves, new scenery comes in. **Zero-filled**: black comes in. **Circular**: what leaves on one side comes
# back on the other.

# %%
from helpers.measures import movements
from helpers.objects import embedded

photo = "coffee.png"  # a photograph that comes with scikit-image
things = [objects.load(name, object_size) for name in object_names]
pixels = torch.from_numpy(embedded.photo_part(photo, held_out=True).copy()).permute(2, 0, 1)
scale = max(1, 2 * plain.frame / min(pixels.shape[1:]))
background = objects.Photo(objects.resize(pixels, tuple(round(scale * side) for side in pixels.shape[1:])), photo)
reach = plain.strides[-1]
moved = movements.moved(things[0], torch.tensor([[0, 0], [reach, reach]]), frame=plain.frame, background=background)
shown = torch.cat([torch.stack([batch[k] for batch in moved.values()]) for k in (0, 1)])
titles = [*moved, *[f"by {reach} px"] * 4]
figure = plots.frames(shown, titles=titles, columns=4)
record.save_figure(figure, "boundaries")
figure

# %% [markdown]
# ## Method
#
# **Global change** is measured by the calibrated invariance of notebook 5,
#
# $$ I = \frac{s - d}{1 - d} $$
#
# with $s$ the mean cosine of an object with itself at all other positions and $d$ that of different objects at
# the same position: 1 is invariant, 0 is no better than another object. **Local change** is $1 - s$ over one
# pixel. A cause is worth the factor by which it makes $1 - I$, or the local change, smaller, object by object,
# with everything else held fixed; the interval is over objects (bootstrap, 1,000 draws).
#
# One call: `variation.calibrate(features of N objects)`.
#
# ## Run
#
# Every embedded network on every object, at the layer that the paper uses for its kind: fc7 for AlexNet, the
# class scores for the others. Those that average their last map also run *without a border*: with circular
# padding, each map continued by its own other side. They are not trained again.

# %%
from helpers.measures import padding

everyone = {(*key, "as trained"): each for key, each in trained.items()}
everyone |= {
    (*key, "no border"): padding.replace(each, mode="circular") for key, each in trained.items() if key[0] != "demo_alexnet"
}

# %%
scenes = [shifting.Paste(thing, next(iter(trained.values())).frame) for thing in things]
walks = variation.walks(scenes[0].grid, [1], count=12, seed=seed)
places = torch.from_numpy(walks.reshape(-1, 2))
reached = {}
for key, each in everyone.items():
    used = "fc7" if key[0] == "demo_alexnet" else each.logits
    every = [
        features.extract(each, scene, {used: 0, each.logits: 0}, stride=stride, device=device, progress=False)
        for scene in scenes
    ]
    near = [features.of_frames(each, scene.render(places), [used], device=device)[used] for scene in scenes]
    right = [
        item.layers[each.logits].argmax(-1) == each.class_index(scene.label)
        for item, scene in zip(every, scenes, strict=True)
    ]
    cosines = np.stack([similarity.cosine_map(item.layers[used], "c") for item in every])
    reached[key] = {
        "accuracy": np.array([answers.float().mean() for answers in right]),
        "cosine": cosines.mean((1, 2)),
        "largest": np.abs(cosines).max(),
        "invariance": variation.calibrate([item.layers[used] for item in every]).invariance,
        "drop": np.array([variation.drop_along(v.unflatten(0, walks.shape[:2]), [1])[1] for v in near]),
    }

# %% [markdown]
# ## Results
#
# ### Architecture, anti-aliasing, training positions: the table

# %%
from helpers.measures import uncertainty

titles = {"demo_alexnet": "AlexNet", "demo_resnet": "ResNet", "demo_mobilenet_v2": "MobileNetV2"}
invariances = {key: uncertainty.interval(found["invariance"], seed=seed) for key, found in reached.items()}
table = pd.DataFrame([
    {"architecture": titles[key[0]], "training": {"uniform": "everywhere"}.get(key[1], key[1]), "kind": key[2],
     "border": key[3], "accuracy": found["accuracy"].mean(), "mean cosine with the centre": found["cosine"].mean(),
     "invariance I": invariances[key].value,
     "95 %": f"{invariances[key].low:.2f} to {invariances[key].high:.2f}",
     "1 − cosine at 1 px": found["drop"].mean()}
    for key, found in reached.items()
])  # fmt: skip
tested = len(things) * every[0].rows.numel() * every[0].cols.numel()
for line in table.to_dict("records"):
    name = f"{line['architecture']}/trained {line['training']}/{line['kind']}/{line['border']}"
    record.count(f"accuracy/{name}", line["accuracy"], n=tested, unit="fraction")
    for column, unit in (("invariance I", "I"), ("1 − cosine at 1 px", "1 - cosine")):
        record.statistic(f"{column}/{name}", line[column], n=len(things), unit=unit)
table.style.format(precision=3).hide(axis="index")

# %%
lowest, highest = (table.loc[extreme(table["invariance I"])] for extreme in (np.argmin, np.argmax))
wrong = table.loc[table["accuracy"].idxmin()]
display(Markdown(
    "**Reading.** *Accuracy*: the share of positions at which the answer is right, mean over objects. *95 %*: the "
    f"interval of I, over objects. I goes from {lowest['invariance I']:.2f} ({lowest['architecture']}, training "
    f"{lowest['training']}, {lowest['kind']}, {lowest['border']}) to {highest['invariance I']:.3f}. The lowest has a "
    f"mean cosine of {lowest['mean cosine with the centre']:.2f} all the same: cosines are high for everyone. And I "
    f"knows nothing of right and wrong: the lowest accuracy, {wrong['accuracy']:.2f}, is that of "
    f"{wrong['architecture']}, training {wrong['training']}, {wrong['kind']}, {wrong['border']}, at an I of {wrong['invariance I']:.2f}."
))  # fmt: skip

# %% [markdown]
# ### The picture
#
# Left: one dot per network, as trained, with its interval over objects. Right: what each cause is worth, with the
# others held fixed: how many times smaller the change becomes. Left of the line: it becomes larger. Rings, where
# there are any: the same twelve networks trained once more, from another seed. How far a ring lies from its dot is
# the luck of a training.

# %%
borders = ("as trained", "no border")
whole = [key for key in reached if key[3] == "as trained"]
sides = {
    "trained everywhere,\nnot at the centre": [[k for k in whole if k[1] == t] for t in ("centre", "uniform")],
    "anti-aliasing": [[k for k in whole if k[2] == kind] for kind in kinds],
    "no border\n(not AlexNet)": [[k for k in reached if k[0] != "demo_alexnet" and k[3] == b] for b in borders],
    "ResNet,\nnot AlexNet": [[k for k in whole if k[0] == n] for n in ("demo_alexnet", "demo_resnet")],
    "MobileNetV2,\nnot AlexNet": [[k for k in whole if k[0] == n] for n in ("demo_alexnet", "demo_mobilenet_v2")],
}
change = {
    "global: 1 − I": {key: 1 - found["invariance"] for key, found in reached.items()},
    "local: 1 px": {key: found["drop"] for key, found in reached.items()},
}
factors = {
    measure: {
        cause: uncertainty.ratio(*(np.stack([values[key] for key in side], 1) for side in pair), seed=seed)
        for cause, pair in sides.items()
    }
    for measure, values in change.items()
}

# %%
rest = seeds.kept("07_causes", given)  # what this notebook measured on the networks of other seeds
names = {(m, cause): f"factor/{m}/{' '.join(cause.split())}" for m, series in factors.items() for cause in series}
for (measure, cause), name in names.items():
    record.statistic(name, factors[measure][cause].value, n=len(things), unit="times smaller")
points = table.assign(
    value=[each.value for each in invariances.values()],
    low=[each.low for each in invariances.values()],
    high=[each.high for each in invariances.values()],
    others=[
        [found[f"invariance I/{titles[key[0]]}/trained {line.training}/{key[2]}/{key[3]}"] for found in rest.values()]
        for key, line in zip(invariances, table.itertuples(), strict=True)
    ],
).query("border == 'as trained'")
others = {m: {cause: [found[names[m, cause]] for found in rest.values()] for cause in factors[m]} for m in factors}
figure = plots.by_cause(points, factors, label="calibrated invariance I", others=others)
record.save_figure(figure, "answer")
figure

# %%
spread, local = factors.values()
where, smoothing, edge, resnet, mobile = spread
ahead = {
    measure: uncertainty.ratio(
        np.stack([values[a] * values[b] for a, b in zip(sides[where][0], sides[smoothing][1], strict=True)], 1),
        np.stack([values[a] * values[b] for a, b in zip(sides[where][1], sides[smoothing][0], strict=True)], 1),
        seed=seed,
    )
    for measure, values in change.items()
}
convolutional = table[(table["architecture"] != "AlexNet") & (table["kind"] == "off-the-shelf")]
price = convolutional.groupby("border")["accuracy"].mean()
display(Markdown(
    f"**The surprise.** Training with objects everywhere makes the global change {spread[where].times_smaller()}; "
    f"anti-aliasing makes it {spread[smoothing].times_smaller()}. Over one pixel the two are worth "
    f"{local[where].times_smaller()} and {local[smoothing].times_smaller()}. Without a border the global change is "
    f"{spread[edge].times_smaller()}, at a price: the answers of the off-the-shelf networks are then right at "
    f"{price['no border']:.0%} of the positions instead of {price['as trained']:.0%}, for nobody trained them that way."
))  # fmt: skip

# %%
smaller = {"above": 1, "unit": "times smaller"}
record.claim("training positions, global", "Training with objects everywhere makes the change over the whole frame smaller.", spread[where], **smaller)
record.claim("anti-aliasing, local", "Anti-aliasing makes the change over one pixel smaller.", local[smoothing], **smaller, source="Zhang 2019")
record.claim("anti-aliasing, global", "Anti-aliasing makes the change over the whole frame smaller too.", spread[smoothing], **smaller)
record.claim("no border, global", "Without a border the change over the whole frame is smaller.", spread[edge], **smaller)
record.claim("positions over anti-aliasing, global", "Over the whole frame, training positions are worth more than anti-aliasing.", ahead["global: 1 − I"], above=1, unit="ratio")
record.claim("anti-aliasing over positions, local", "Over one pixel, anti-aliasing is worth more than training positions.", ahead["local: 1 px"], below=1, unit="ratio")

# %%
from helpers.measures import claims

effects = {}
for name, title in titles.items():
    plainly, blurred = effects.setdefault(f"embedded {title}", {}), effects.setdefault(f"embedded {title}, anti-aliased", {})
    for measure, finding in zip(change, ("globally", "locally"), strict=True):
        pair = (change[measure][name, "centre", kind, "as trained"] for kind in kinds)
        blurred[f"anti-aliasing, {finding}"] = uncertainty.ratio(*pair, seed=seed)
    whole_frame = change["global: 1 − I"]
    for kind, found in zip(kinds, (plainly, blurred), strict=True):
        pair = (whole_frame[name, training, kind, "as trained"] for training in ("centre", "uniform"))
        found["training positions"] = uncertainty.ratio(*pair, seed=seed)
        if name != "demo_alexnet":
            pair = (whole_frame[name, "centre", kind, border] for border in borders)
            found["padding"] = uncertainty.ratio(*pair, seed=seed)
claims.keep(record, effects)

# %% [markdown]
# **The answer.** Two different things are called shift invariance. Against a shift of one pixel, anti-aliasing is the
# remedy; against a move across the frame, training with objects everywhere. Anti-aliasing helps there too, only less.
# The architectures differ as well (bottom rows of the picture), but in so many ways that we name no cause.
#
# Is any of it the luck of one training? The intervals above are over objects and know nothing of that. Here is what
# each cause is worth when all twelve networks are trained again from another seed:

# %%
measured = {training_seed: {name: factors[m][cause].value for (m, cause), name in names.items()}, **rest}
compared = pd.DataFrame({
    (measure, f"seed {number}"): {" ".join(cause.split()): found[names[measure, cause]] for cause in sides}
    for measure in factors
    for number, found in sorted(measured.items())
})
logs = np.log([[found[name] for name in names.values()] for found in measured.values()])
agree = int(((logs > 0).all(0) | (logs < 0).all(0)).sum())
apart = record.statistic("factor/largest ratio between seeds", np.exp(np.ptp(logs, axis=0)).max(), n=len(things), unit="ratio")
display(compared.style.format("{:.2f}×"), Markdown(
    f"**Reading.** Trainings compared: {len(measured)}. From one to another a factor changes by up to {apart:.2f} times. "
    f"{agree} of {len(names)} factors lie on the same side of 1 in all of them. That is what a cause would look like, "
    "and it is not yet proof: few trainings bound luck only loosely."
))  # fmt: skip

# %% [markdown]
# A network that averages its last map should not need to learn any of this: a convolution does the same
# everywhere, and the average forgets where. Why is its invariance not 1 from the start?
#
# ### The border
#
# Because maps end. A convolution at the border sees padding, and the effect of a border reaches further inside
# with every layer. Here the border is changed in a network that is already trained: its maps padded by
# **zeros**, by **reflection**, or **circular**, by their own other side, so that there is no border at all. The
# object moves by the network's whole stride, so the grid is in the same place again and what changes is due to
# the border alone. (That holds where every map is exactly the one before divided by its stride, and none is
# flattened: the line below names what is in the way here.)

# %%
padded = {mode: padding.replace(plain, mode=mode) for mode in padding.MODES}
around = [(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if r or c]
shifts = torch.tensor([(0, 0), *around, *[(reach * r, reach * c) for r, c in around]])
grounds = {"white": "white", "photo": background}
lost = []
for ground, place in grounds.items():
    for thing in things:
        for boundary, frames in movements.moved(thing, shifts, frame=plain.frame, background=place).items():
            for mode, each in padded.items():
                unit = similarity.normalise(features.of_frames(each, frames, [layer], device=device)[layer])
                drops = (unit[1:] - unit[:1]).double().square().sum(1) / 2  # 1 - cosine, exact near 0
                line = {"background": ground, "boundary": boundary, "padding": mode}
                lost.append(line | {"1 px": float(drops[:8].mean()), f"{reach} px": float(drops[8:].mean())})
lost = pd.DataFrame(lost)
reasons = padding.obstacles(padded["circular"])
display(Markdown(f"In the way of exact circular padding in {plain.title}: **{'; '.join(reasons) or 'nothing'}**."))

# %%
means = {
    (ground, distance): lost[lost["background"] == ground]
    .pivot_table(index="boundary", columns="padding", values=distance)
    .reindex(index=list(movements.NAMES), columns=list(padding.MODES))
    for distance in (f"{reach} px", "1 px")
    for ground in grounds
}
titles = {key: f"{key[0]} background, {key[1]}" for key in means}
figure = plots.conditions(
    {titles[key]: means[key] for key in means if key[1] != "1 px"}, label=f"1 − cosine over {reach} px", log=True, digits=4
)
record.save_figure(figure, "border")
figure

# %%
for (ground, distance), each in means.items():
    for boundary, line in each.iterrows():
        for mode, value in line.items():
            name = f"drop/{distance}/{ground}/{boundary}/{mode}"
            record.statistic(name, value, n=len(things), unit="1 - cosine")
white, scenic = means["white", f"{reach} px"], means["photo", f"{reach} px"]
display(Markdown(
    f"**Reading.** On white, pasted, padded with zeros as in training, the features change by "
    f"{white.loc['pasted', 'zeros']:.4f} over {reach} px. Padded circularly: {white.loc['pasted', 'circular']:.2g}. Where "
    "nothing is in the way (above) that number *must* be 0, since the object is back at the same place on the grid and no "
    "border is left: an identity that checks our rendering, not a discovery. What it tells is where the rest came from: "
    "over the border, all of it. On a photo, circular padding leaves "
    f"{scenic.loc['pasted', 'circular']:.4f} when the object is pasted and so covers other scenery, and "
    f"{scenic.loc['circular', 'circular']:.2g} when everything moves round. Filling with black is a change of its own: "
    f"{white.loc['zero-filled', 'zeros']:.4f} on white, where the same shift without the black edge gives "
    f"{white.loc['circular', 'zeros']:.4f}."
))  # fmt: skip

# %% [markdown]
# The same for a shift of a single pixel:

# %%
figure = plots.conditions(
    {titles[key]: means[key] for key in means if key[1] == "1 px"}, label="1 − cosine over 1 px", log=True, digits=4
)
record.save_figure(figure, "pixel")
figure

# %%
small = means["white", "1 px"].loc["pasted"]
largest = means["white", "1 px"].stack().idxmax()
steps = lost.query("background == 'white' and boundary == 'pasted'").groupby("padding")["1 px"]
left = uncertainty.ratio(*(steps.get_group(mode).to_numpy() for mode in ("circular", "zeros")), seed=seed)
display(Markdown(
    f"**Reading.** On white, circular padding leaves {left.value:.0%} of the change over one pixel "
    f"({small['zeros']:.4f} to {small['circular']:.4f}). That part comes from the grid, which is there with and without a "
    f"border. The largest change on white is {means['white', '1 px'].loc[largest]:.4f}, {largest[0]} with {largest[1]} "
    "padding. The border drifts, the grid flickers: two causes, two remedies."
))  # fmt: skip
record.claim("pixel without border", "Most of the change over one pixel is still there without a border.", left, above=0.5, unit="fraction")

# %% [markdown]
# Would it be enough, then, to take the border away? The network was trained with it:

# %%
borderless, invariant, rightly = {}, {}, {}
for mode, each in padded.items():
    used = list({layer: 0, plain.logits: 0})
    spots = [shifting.Paste(thing, plain.frame) for thing in things]
    every = [features.extract(each, spot, used, stride=stride, device=device, progress=False) for spot in spots]
    invariant[mode] = variation.calibrate([item.layers[layer] for item in every]).invariance
    found = uncertainty.interval(invariant[mode], seed=seed)
    borderless[mode] = {"invariance I": found.value, "95 %": f"{found.low:.2f} to {found.high:.2f}"}
    record.statistic(f"padding/invariance/{mode}", found.value, n=len(things), unit="I")
    if plain.labels and all(thing.label in plain.labels for thing in things):
        rightly[mode] = np.array([
            (item.layers[plain.logits].argmax(-1) == plain.class_index(thing.label)).float().mean()
            for item, thing in zip(every, things, strict=True)
        ])
        share = record.count(f"padding/accuracy/{mode}", rightly[mode].mean(), n=tested, unit="fraction")
        borderless[mode]["accuracy"] = share
borderless = pd.DataFrame(borderless).T.rename_axis("padding")
display(borderless.style.format(lambda v: v if isinstance(v, str) else f"{v:.3f}"))

# %%
bordered, mirrored, free = (borderless.loc[mode, "invariance I"] for mode in padding.MODES)
display(Markdown(
    f"**Reading.** With circular padding the invariance is {free:.2f} instead of {bordered:.2f}; where nothing was in the "
    f"way, what is missing to 1 is the grid. With reflection it is {mirrored:.2f}: near the border that shows the network "
    "a second, mirrored object. Steady is not right: the classifier never saw maps padded like this."
))  # fmt: skip
record.claim("no border, invariance", "Circular padding makes the features more invariant.", uncertainty.paired(invariant["circular"], invariant["zeros"], seed=seed), above=0, unit="I")
if rightly:
    lost_answers = uncertainty.paired(rightly["zeros"], rightly["circular"], seed=seed)
    record.claim("no border, accuracy", "Circular padding, unknown in training, costs right answers.", lost_answers, above=0, unit="fraction", counted=tested)

# %% [markdown]
# ### Size of the object and background
#
# Calibrated invariance of the chosen network and its anti-aliased twin, for three sizes on three backgrounds. (To
# save time, positions are twice as far apart here as above.)

# %%
sizes = [object_size * 2 // 3, object_size, object_size * 4 // 3]
grounds = {"white": "white", "grey": "grey", "photo": background}
grown = {kind: pd.DataFrame(index=pd.Index(grounds, name="background"), dtype=float) for kind in kinds}
compared, every = {}, {}
for ground, place in grounds.items():
    for size in sizes:
        spots = [shifting.Paste(objects.load(name, size), plain.frame, background=place) for name in object_names]
        for kind, each in chosen.items():
            every[ground, size, kind] = [
                features.extract(each, spot, used, stride=2 * stride, device=device, progress=False).layers
                for spot in spots
            ]
            found = variation.calibrate([layers[layer] for layers in every[ground, size, kind]])
            name = f"size and background/{ground}/{size} px/{kind}"
            value = record.statistic(name, found.invariance.mean(), n=len(things), unit="I")
            grown[kind].loc[ground, f"{size} px"] = value
        compared[f"{ground}, {size} px"] = [
            features.extract(each, spots[0], [layer], stride=stride, device=device, progress=False)
            for each in chosen.values()
        ]
for each in grown.values():
    each.columns.name = "size of the object"
figure = plots.conditions(grown, label="calibrated invariance I", digits=2)
record.save_figure(figure, "size_and_background")
figure

# %%
why, apart_on = {}, {}
for ground in ("white", "photo"):
    shown = every[ground, sizes[1], "off-the-shelf"]
    found = variation.calibrate([layers[layer] for layers in shown])
    why[ground], apart_on[ground] = {"I": found.invariance.mean()}, found.different
    why[ground]["s"] = record.statistic(f"background/{ground}/s", found.same.mean(), n=len(things), unit="cosine")
    why[ground]["d"] = record.statistic(f"background/{ground}/d", found.different.mean(), n=len(things), unit="cosine")
    if "accuracy" in borderless:
        right = [
            (layers[plain.logits].argmax(-1) == plain.class_index(thing.label)).float().mean()
            for layers, thing in zip(shown, things, strict=True)
        ]
        tested = len(things) * next(iter(shown[0].values()))[..., 0].numel()
        share = record.count(f"background/{ground}/accuracy", np.mean(right), n=tested, unit="fraction")
        why[ground]["accuracy"] = share
display(pd.DataFrame(why).T.rename_axis("background").style.format("{:.2f}"))

# %%
low, usual, high = grown["off-the-shelf"].loc["white"]
plainly, busy = why["white"], why["photo"]
display(Markdown(
    f"**Reading.** From {sizes[0]} to {sizes[-1]} px the invariance goes from {low:.2f} to {high:.2f} on white. (At "
    f"{sizes[1]} px that is {usual:.2f} here and {bordered:.2f} above: the same, seen at positions {2 * stride} and "
    f"{stride} px apart.) Larger objects have fewer places to go, so sizes are compared over different ranges. At "
    f"{sizes[1]} px the photo takes it to {busy['I']:.2f}: *s*, an object with itself elsewhere, goes from "
    f"{plainly['s']:.2f} to {busy['s']:.2f}; *d*, with other objects in its place, from {plainly['d']:.2f} to "
    f"{busy['d']:.2f}."
))  # fmt: skip
record.claim("photo, different objects", "On a photo, different objects look more alike to the network than on white.", uncertainty.paired(apart_on["photo"], apart_on["white"], seed=seed), above=0, unit="cosine")

# %% [markdown]
# ## Checks
#
# The strongest one: with circular padding and a circular shift by the whole stride, the features must not change
# at all. If they did, something in the rendering, the padding or the network would be wrong.

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
largest = max(float(found["largest"]) for found in reached.values())
record.check_below("largest |cosine|", largest, bound=1 + 1e-5, source="Cauchy-Schwarz; float32 rounding")
panels.Folded("The checks, all of which hold", record.finish())

# %% [markdown]
# ## What this does not show
#
# - The intervals are over objects, not over trainings, and two trainings are no more than a hint of the spread
#   between them: a difference between two networks may be luck, the average over six pairs much less so.
# - The architectures differ in depth, width and normalisation as well as in flattening or averaging: their row in
#   the picture is a comparison of three networks, not of two ways to end one. AlexNet is measured at fc7 besides,
#   the others at their class scores, which are other features.
# - The padding was changed after training. A network trained without a border may do something else with it.
# - The embedded networks were trained with objects of about one size, and on photos less than half of the time; an
#   object of half the size is new to them.
# - The embedded networks know forty shapes. On ImageNet, objects are not at the centre as strictly as here and
#   not everywhere either: expect the paper's networks between the two columns.
#
# ## Explore
#
# The first object, on each background and at each size (the first menu), off-the-shelf and
# anti-aliased, from any anchor.

# %%
panel = panels.SimilarityPanel(compared, subject="background, size")
panel

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
# Next: what the authors' own maps say about all of this: [notebook 9](09_published_study.ipynb).
