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
# # 4. What does the classifier say?
#
# **The question.** The features change when the object moves. Does the *answer*?
#
# The paper shows this as the layer "class" of its website: the probability of the object's class, at every
# position (Lee, Yang and Wang 2020). We add what others have asked of the answer itself: does it change in
# one pixel (Azulay and Weiss 2019), is it the same at two random shifts (Zhang 2019), is it right at *all* of
# them (Engstrom et al. 2019)?
#
# **Before you go on, predict.** A network that knows an object in the middle of the frame: will it know it near
# the border? Where the answer changes, will it do so once, along a border, or back and forth? And is a network
# whose answer never changes a good one?
#
# *Takes about two minutes on one CPU core.*

# %% tags=["parameters"]
network: str = "efficientnet_lite0"  # name, of networks.load
weights: list = ["default"]  # names of weights; an embedded network also has ["centre", "uniform"], to compare
object_names: list = ["motorcycle", "espresso", "cat", "cameraman", "temple"]  # names, the first is shown in full
object_size: int = 125  # px, side of the object; 75 and 125 are the paper's small and large ones
stride: int = 3  # px, between the positions of the first object over the whole frame
reach: int = 5  # px, largest shift in the second part, each way, in steps of one pixel
window: int = 6  # px, side of the square from which random pairs of these shifts are drawn
seed: int = 5  # integer, of the backgrounds and the random pairs
device: str = "auto"  # name, cpu, cuda or auto
out: str = "../runs/lab"  # folder, where figures and numbers go

# %% [markdown]
# ## Set-up
#
# Two networks take part. **EfficientNet-Lite0** is a network for phones, trained on ImageNet and used here *off the
# shelf*; it is none of the paper's four. Its **anti-aliased twin** was made by this project: a blur before each stride
# but the first, then training on other photographs until it agrees with the original (self-distillation). It is not
# one of Zhang's networks, and it does not always give the original's answer: how often it does is said below.

# %%
import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown, display

from helpers import features, networks, objects, records, runtime, shifting
from helpers.measures import consistency, uncertainty
from helpers.views import panels, plots

runtime.seed(seed)
given = {"network": network, "weights": weights, "object_names": object_names, "object_size": object_size}
given |= {"stride": stride, "reach": reach, "window": window, "seed": seed}
kinds = {"off-the-shelf": False, "anti-aliased": True}
suffix = {each: f", {each}" if len(weights) > 1 else "" for each in weights}
nets = {
    f"{kind}{suffix[each]}": networks.load(network, antialiased=antialiased, weights=each)
    for each in weights
    for kind, antialiased in kinds.items()
}
first = next(iter(nets.values()))
record = records.Record("04_classifier_answers", out, given, list(nets.values()), device=device)
pd.Series(runtime.stamp()["packages"], name="version").to_frame().T

# %%
display(Markdown("\n".join(f"- *{label}*: {net.weights}" for label, net in nets.items())))

# %% [markdown]
# ## One object
#
# The objects are cut out of photographs and carry the ImageNet class that counts as **right**; where ImageNet has no
# class for the thing, its nearest (a moped for the motorcycle, a tripod for the cameraman behind it, a bell cote for
# the temple). They are as large as the paper's large patch, 125 px, because EfficientNet-Lite0 knows these five there,
# in the middle of a white frame. At 75 px it knows fewer of them, and over a photograph hardly any.
#
# "Shifted" can mean three things, and they are three questions:
#
# - **pasted**: the object moves over a background that stays. *Does it matter where the object is?* This is
#   the paper's shift, and the embedding of Azulay and Weiss.
# - **cropped**: the camera moves over a larger photo, so object and background move together, and new picture
#   comes in at the border. *Does it matter where the frame is cut?* This is Zhang's on ImageNet.
# - **circular**: the whole picture moves, and what leaves on one side comes back on the other. Nothing is lost
#   and nothing is new. *Does it matter where the pixel grid begins?* It is the one shift under which a network
#   without borders and without subsampling would be exactly invariant.
#
# All three start from the same picture: the object halfway between the middle of the frame and its bottom right
# corner, on a quarter of a faded photograph that is not its own.

# %%
side, rng = first.frame + 2 * reach, np.random.default_rng(seed)
room = first.frame - object_size
at = room // 2 + room // 4  # row and column in the frame before any shift
scenes = {}
for name in object_names:
    cutout = objects.load(name, object_size)
    own = objects.PHOTOGRAPHED.get(name, (None,))[0]  # the photograph it is cut out of
    others = [title for title, file in objects.PHOTOGRAPHS.items() if file != own]
    photo = objects.photograph(others[rng.integers(len(others))], 2 * side).rgb[:, :side, :side]
    backdrop = objects.Photo(192 + photo // 4, "faded photo")
    wide = shifting.Paste(cutout, side, background=backdrop).render([[at + reach, at + reach]])[0]
    wide = objects.Photo(wide, cutout.name, cutout.label)
    pasted, cropped = shifting.Paste(cutout, first.frame, background=backdrop), shifting.Crop(wide, first.frame)
    scenes[name] = {"pasted": pasted, "cropped": cropped, "circular": shifting.Roll(wide, first.frame, reach=reach)}

# %%
one_axis = torch.arange(-reach, reach + 1)
shifts = torch.cartesian_prod(one_axis, one_axis)  # (row, col) in px, of the object: down and right
places = {"pasted": at + shifts, "cropped": reach - shifts, "circular": reach + shifts}
shown = [0, len(shifts) // 2, -1]
moved = {kind: scenes[object_names[0]][kind].render(places[kind][shown]) for kind in places}
titles = [f"{kind} by ({row}, {col}) px" for kind in places for row, col in shifts[shown].tolist()]
figure = plots.frames(torch.cat(list(moved.values())), titles=titles, columns=3)
record.save_figure(figure, "kinds")
figure

# %% [markdown]
# ## Method
#
# The network gives each class $k$ a score $z_k$. The **answer** at a position is the class with the largest
# score, and its **probability** is the softmax:
#
# $$ P_k = \frac{e^{z_k}}{\sum_j e^{z_j}}, \qquad \text{answer} = \arg\max_k z_k $$
#
# **Consistency** (Zhang) is the probability that two shifts $p, q$, drawn at random from a square of $w \times w$
# positions, get the same answer. If $n_k$ of them are answered with $k$, all pairs can be counted, and nothing
# needs to be drawn; we average over all squares that fit.
#
# $$ C = P\big(\text{answer}(p) = \text{answer}(q)\big) = \sum_k \Big(\frac{n_k}{w^2}\Big)^2 $$
#
# First by hand: one network, one object, six pixels in a row.

# %%
targets = {name: first.class_index(scenes[name]["pasted"].label) for name in object_names}
target = targets[object_names[0]]
steps = [[at, at + step] for step in range(6)]
scores = features.of_frames(first, scenes[object_names[0]]["pasted"].render(steps), [first.logits], device=device)
strip = scores[first.logits][None]  # (1, 6, K): a lattice of one row
said = consistency.answers(strip)[0].tolist()
likely = consistency.probability_map(strip, target=target)[0].tolist()
pd.DataFrame(
    {"answer": [first.labels[k] for k in said], f"P({first.labels[target]})": likely},
    pd.Index(range(6), name="px to the right"),
).T  # fmt: skip

# %% [markdown]
# ## Run
#
# The first object over all of a white frame, as in the paper, in steps of `stride` pixels; then all objects, at all
# shifts of up to `reach` pixels, pixel by pixel, in the three ways.

# %%
scene = shifting.Paste(objects.load(object_names[0], object_size), first.frame)
full = {label: features.extract(net, scene, [net.logits], stride=stride, device=device) for label, net in nets.items()}
full = {label: each.layers[first.logits] for label, each in full.items()}
found, moves = {}, {}
for label, net in nets.items():
    for name in object_names:
        for kind, each in scenes[name].items():
            logits = features.of_frames(net, each.render(places[kind]), [net.logits], device=device)[net.logits]
            logits = logits.view(len(one_axis), len(one_axis), -1)
            found[kind, label, name] = consistency.answers(logits)
            moves[kind, label, name] = consistency.mean_absolute_change(logits)["diagonal"]
down, along = map(len, shifting.positions(scene.grid, stride))
display(Markdown(
    f"{len(full)} maps of {down} x {along} positions, and {len(found)} of {len(shifts)} shifts each."
))  # fmt: skip

# %% [markdown]
# ## Results
#
# ### The probability of the right answer
#
# The paper's layer "class": one object, pasted on white, moved over the whole frame. All maps share the colours
# from 0 to 1.

# %%
probability = {label: consistency.probability_map(logits, target=target) for label, logits in full.items()}
grid = [[probability[f"{kind}{end}"] for kind in kinds] for end in suffix.values()]
lines = [end.removeprefix(", ") for end in suffix.values()]
quantity = f"P({first.labels[target]})"
figure = plots.heatmaps(grid, rows=lines, columns=list(kinds), stride=stride, label=quantity, limits=(0, 1))
record.save_figure(figure, "probability")
figure

# %%
half = (down - 1) // 2, (along - 1) // 2
summary = pd.DataFrame({
    label: {"in the middle": float(each[half]), "mean": float(each.mean()), "lowest": float(each.min())}
    for label, each in probability.items()
}).T  # fmt: skip
for label, line in summary.iterrows():
    record.value(f"probability/mean/{label}", line["mean"], unit="probability")
display(summary.style.format("{:.3f}").set_caption(f"{quantity} over the frame"))
display(Markdown(
    "**Reading.** The probability of the right class on average, at the worst position and in the middle: "
    + "; ".join(f"*{label}* {line['mean']:.2f}, {line['lowest']:.2f} and {line['in the middle']:.2f}"
                for label, line in summary.iterrows())
    + ". Where test pictures have their objects in the middle, only the last of these numbers is ever measured."
))  # fmt: skip

# %% [markdown]
# ### The answer, and where it changes
#
# The same positions, now only the top-1 answer: pale where it is right, coloured where it is another class. A
# black line runs between neighbouring positions whose answers differ: **there a step of `stride` pixels decides**.

# %%
said = {label: consistency.answers(logits) for label, logits in full.items()}
grid = [[said[f"{kind}{end}"] for kind in kinds] for end in suffix.values()]
figure = plots.answer_maps(
    grid, rows=lines, columns=list(kinds), names=first.labels, target=target, stride=stride
)
record.save_figure(figure, "answers")
figure

# %% [markdown]
# **P(top-1 changes)** is the share of all pairs of neighbours with different answers (Azulay and Weiss 2019): one
# step down, one to the right, or one along a diagonal. Here a step is `stride` pixels; that of a single pixel is
# measured further below.

# %%
rates = pd.DataFrame({label: consistency.change_rates(each) for label, each in said.items()}).T
rates.insert(0, "right", [float((each == target).double().mean()) for each in said.values()])
# One answer lies in up to four of the diagonal pairs, two for each position
at_all, pairs_each = down * along, (down - 1) * (along - 1) / 2
for label, line in rates.iterrows():
    record.count(f"white/accuracy/{label}", line["right"], n=at_all, unit="share of positions")
    record.count(f"white/top-1 changes, diagonal/{label}", line["diagonal"], n=pairs_each, unit="share of pairs")
display(rates.style.format("{:.4f}").set_caption(f"right answers, and P(top-1 changes) in a step of {stride} px"))
display(Markdown(
    "**Reading.** "
    + "; ".join(f"*{label}* is right at {line['right']:.0%} of the positions and changes its answer in "
                f"{line['diagonal']:.1%} of the diagonal steps" for label, line in rates.iterrows())
    + ". A network that is right everywhere has no lines; so has one that is wrong everywhere in the same way."
))  # fmt: skip

# %% [markdown]
# Once, or back and forth? Follow the object along a row, from left to right, and count how often the answer goes
# from right to wrong or back. Once in and once out of *one* region where it is right would be two crossings.

# %%
right = {label: each == target for label, each in said.items()}
crossings = {label: (each[:, 1:] != each[:, :-1]).sum(1) for label, each in right.items()}
crossed = {label: float((each > 2).double().mean()) for label, each in crossings.items()}
for label, share in crossed.items():
    record.count(f"white/rows crossed more than twice/{label}", share, n=down, unit="share of rows")
display(Markdown(
    "**Reading.** More than two crossings: "
    + "; ".join(f"*{label}* in {share:.0%} of the rows, and up to {int(crossings[label].max())} crossings in one"
                for label, share in crossed.items())
    + ". Finer steps can only find more."
))  # fmt: skip

# %% [markdown]
# ### Three kinds of shift, three columns
#
# All objects, shifted by up to `reach` pixels each way from the start; pairs are drawn from squares of `window`
# pixels. Read down a column, not across: the three columns ask three questions, and a mean over them would
# answer none. A dot is an object, a diamond the mean. *Accuracy* is that of the shifts drawn: one in the middle
# of the range lies in more squares, and counts more. *Top-1 changes* takes diagonal steps of one pixel, and so
# does *probability moves by*, in the table below the picture: the mean absolute change of the probability of the
# top-1 class (Azulay and Weiss).

# %%
rows = []
for kind, label, name in [(k, n, o) for k in places for n in nets for o in object_names]:
    each = found[kind, label, name]
    pairs = consistency.pair_shares(each, target=targets[name], window=window)
    steps = consistency.change_rates(each)["diagonal"]
    row = {"shift": kind, "network": label, "object": name, "top-1 changes, diagonal": steps}
    row |= {"probability moves by": moves[kind, label, name], "consistency": pairs.consistency}
    row |= {"accuracy": pairs.accuracy, "stays right": pairs.stays_right, "excess": pairs.excess}
    row |= {"both right": pairs.both_right, "one right": pairs.one_right, "wrong, same": pairs.both_wrong_same}
    rows.append(row | {"wrong, different": pairs.both_wrong_different})
data = pd.DataFrame(rows)
groups = data.groupby(["shift", "network"], sort=False)
means = groups.mean(numeric_only=True)

# %%
measures = ["accuracy", "top-1 changes, diagonal", "consistency"]
table = {measure: {kind: {} for kind in places} for measure in measures}
for (kind, label), group in groups:
    for measure in measures:
        table[measure][kind][label] = group[measure].tolist()
variants = {f"{kind}{end}": kind for kind in kinds for end in suffix.values()}
figure = plots.by_kind(table, variants=variants)
record.save_figure(figure, "three_kinds")
figure

# %%
# One answer is in as many of a square's places as lie round it: it weighs 1 / single at most, twice that in pairs
single = {w: len(object_names) * max((len(one_axis) - w + 1) ** 2, w**2) for w in range(1, len(one_axis) + 1)}
steps = len(object_names) * (len(one_axis) - 1) ** 2 / 2
counted = {"top-1 changes, diagonal": steps, "probability moves by": steps}
counted |= {"consistency": single[window] / 2, "accuracy": single[window]}
for (kind, label), line in means.iterrows():
    for measure in ("top-1 changes, diagonal", "probability moves by", "consistency", "accuracy"):
        record.count(f"{kind}/{measure}/{label}", line[measure], n=counted[measure], unit="share")
columns = ["accuracy", "consistency", "top-1 changes, diagonal", "probability moves by"]
display(means[columns].unstack("shift").style.format("{:.3f}").set_caption("means over the objects"))
spread = means["consistency"].unstack("shift")
across, down = spread.max(axis=1) - spread.min(axis=1), float((spread.max() - spread.min()).max())
widest = across.idxmax()
display(Markdown(
    f"**Reading.** Across the kinds of shift, no network's consistency varies by more than {across.max():.3f} "
    f"(*{widest}*: "
    + ", ".join(f"{spread.loc[widest, kind]:.3f} {kind}" for kind in places)
    + f"); down a column the networks differ by up to {down:.3f}. "
    + ("Here the network decides, and what happens at the border hardly matters. " if across.max() < down / 4 else "")
    + "That is a finding about these pictures, not a reason to quote one kind for another."
))  # fmt: skip

# %% [markdown]
# ### How far apart?
#
# The same network, the same answers, only the range changes from which the two shifts are drawn: from a square
# of 2 x 2 positions, which sees nothing but flicker, to all of them, which also sees slow drift.

# %%
sizes = [side for side in (2, 4, 8, 16, 32) if side < 0.8 * len(one_axis)] + [len(one_axis)]
by_range = {
    kind: {
        label: [
            float(np.mean([consistency.consistency(found[kind, label, o], window=side) for o in object_names]))
            for side in sizes
        ]
        for label in nets
    }
    for kind in places
}
figure = plots.curves(by_range, at=sizes, xlabel="side of the square (px)", ylabel="consistency", variants=variants)
record.save_figure(figure, "range")
figure

# %%
lines = []
for end in suffix.values():
    plain, smooth = (by_range["pasted"][f"{kind}{end}"] for kind in kinds)
    near, far = (1 - plain[0], 1 - smooth[0]), (1 - plain[-1], 1 - smooth[-1])
    fall = near[0] - near[1], far[0] - far[1]
    ahead = "anti-aliased" if min(fall) > 0 else "off-the-shelf" if max(fall) < 0 else ""
    lines.append(
        f"{end[2:]} {near[0]:.3f} to {near[1]:.3f} at {sizes[0]} px and {far[0]:.3f} to {far[1]:.3f} at "
        f"{sizes[-1]} px (" + (f"{ahead} is ahead at both, by {abs(fall[0]):.3f} and by {abs(fall[1]):.3f}" if ahead else
                               "which one is ahead depends on the range" if any(fall) else "no difference at either")
        + ")"
    )  # fmt: skip
    for size, (a, b) in ((sizes[0], near), (sizes[-1], far)):
        for which, value in zip(kinds, (a, b), strict=True):
            name = f"pasted/inconsistency within {size} px/{which}{end}"
            record.count(name, value, n=single[size] / 2, unit="share of pairs")
display(Markdown(
    "**Reading.** Inconsistency (1 - consistency), pasted, off-the-shelf to anti-aliased: " + "; ".join(lines).strip() + ". "
    "A number without its range cannot be compared."
))  # fmt: skip

# %% [markdown]
# ### Right, or merely the same?
#
# A network that answers "cup" to everything has consistency 1. So we divide all pairs of shifts into four:
# both right, one right, both wrong with the same answer, both wrong with different ones. Zhang's consistency
# is the first and the third together.
#
# "Consistency where both answers are right" would be 1 by definition, as two right answers are the same. So ask
# for the chance $S$ that it **stays right**: if it is right at one shift, is it right at another, nearby?
#
# $$ S = P(\text{right at } q \mid \text{right at } p) = \frac{P(\text{both right})}{P(\text{right})}, \qquad
# \text{excess} = \frac{S - A}{1 - A}, \qquad A = P(\text{right}) $$
#
# It rises with the accuracy $A$ too: where right and wrong positions are scattered like salt and pepper, it *is*
# the accuracy. So read the **excess** over it: 0 for a network that is no steadier than its accuracy, 1 for one
# whose right positions come in patches larger than the square, however few they are. (Where all answers are
# right, or none, it is undefined. For one object and shifts drawn from *anywhere* it is 0 by construction: two
# independent draws know nothing of each other.)

# %%
parts = ["both right", "one right", "wrong, same", "wrong, different"]
bars = {kind: {label: means.loc[(kind, label), parts].tolist() for label in nets} for kind in places}
figure = plots.pair_bars(bars, parts=parts)
record.save_figure(figure, "pairs")
figure

# %% [markdown]
# And a baseline: how often would two answers agree if the network gave them **as often, but at random**? That
# is the sum of the squared shares of its answers over all objects and shifts (weighted as in $C$), and $\kappa$ is
# the agreement above it (Fleiss 1971): 1 for a network that always agrees with itself and tells objects apart, 0
# for chance. (The excess is the same thing again, for right against wrong of each object.)
#
# $$ \kappa = \frac{C - C_\text{chance}}{1 - C_\text{chance}} $$

# %%
answered = {key: [found[(*key, name)] for name in object_names] for key in means.index}
means["chance"] = pd.Series({key: consistency.chance_agreement(maps, window=window) for key, maps in answered.items()})
# With a single object there is nothing to tell apart, and no kappa.
several = len(object_names) > 1
agreed = [consistency.kappa(row["consistency"], chance=row["chance"]) for _, row in means.iterrows()]
means["kappa"] = agreed if several else np.nan
for (kind, label), line in means.iterrows():
    for measure in [m for m in ("stays right", "excess", "kappa", "chance") if np.isfinite(line[m])]:
        unit, chance = ("kappa", line["chance"]) if measure == "kappa" else ("share", 0)
        record.count(f"{kind}/{measure}/{label}", line[measure], n=max(1, single[window] / 2 * (1 - chance)), unit=unit)
columns = ["accuracy", "stays right", "excess", "consistency", "chance", "kappa"]
display(means[columns].style.format("{:.3f}", na_rep="undefined").set_caption("to be read within a kind of shift"))
display(Markdown(
    "*Stays right* and *excess* are means of each object's own, not ratios of the columns beside them; objects never "
    "right are left out of both, objects always right of the excess."
))  # fmt: skip

# %%
pasted, lines = data[data["shift"] == "pasted"].set_index(["network", "object"]), []
for end in suffix.values():
    plain, smooth = (pasted.loc[f"{kind}{end}", ["stays right", "excess"]] for kind in kinds)
    both = plain.index[(plain.notna() & smooth.notna()).all(axis=1)]  # the same objects on both sides
    if len(both) > 1:
        was, now = plain.loc[both].mean(), smooth.loc[both].mean()
        step = uncertainty.paired(smooth.loc[both, "excess"], plain.loc[both, "excess"], seed=seed)
        lines.append(
            f"Anti-aliasing{end.replace(', ', ' with ')} takes *stays right* from {was['stays right']:.2f} to "
            f"{now['stays right']:.2f}, the excess from {was['excess']:.2f} to {now['excess']:.2f} (by {step.value:+.3f}, "
            f"{step.level:.0%} interval over {len(both)} objects {step.low:+.3f} to {step.high:+.3f}): "
            + ("a gain of steadiness beyond the accuracy." if step.low > 0 else
               "a gain of steadiness beyond the accuracy is not shown.")
        )  # fmt: skip
display(Markdown(
    "**Reading.** Pasted. "
    + (" ".join(lines) or "Fewer than two objects are right at some shifts and wrong at others for both networks, so "
       "nothing can be said of the excess.")
))  # fmt: skip

# %%
gap = means["consistency"] - means["accuracy"]
kind, label = gap.idxmax()
line = means.loc[(kind, label)]
display(Markdown(
    f"**Reading.** Consistency is furthest above the accuracy for *{label}*, {kind}: {line['consistency']:.2f} against "
    f"{line['accuracy']:.2f}. In {line['wrong, same']:.0%} of its pairs it is wrong twice, with the same answer, and "
    f"consistency counts that as success. By chance alone its answers would agree in {line['chance']:.0%} of the pairs. "
    "Consistency measures steadiness; it has to be read beside the accuracy."
))  # fmt: skip

# %% [markdown]
# ### The worst case
#
# A mean hides the one bad pixel. So: at which share of start positions is the answer right at *every* shift of
# up to $m$ pixels each way? All $m$ are judged on the same starts: those so far inside the range that the largest
# $m$ fits round them. At $m = 0$ this is their accuracy, which is not that of the whole range.

# %%
worst = reach // 2
reaches = list(range(worst + 1))
worst_case = {
    kind: {
        label: torch.stack(
            [consistency.worst_case_accuracy(found[kind, label, o], target=targets[o], reaches=reaches) for o in object_names]
        ).mean(0).tolist()
        for label in nets
    }
    for kind in places
}  # fmt: skip
figure = plots.curves(
    worst_case, at=reaches, xlabel="shifts up to m (px)", ylabel="right at every one of them", variants=variants
)
record.save_figure(figure, "worst_case")
figure

# %%
ends = pd.DataFrame({kind: {n: c[-1] for n, c in lines.items()} for kind, lines in worst_case.items()})
begin = pd.DataFrame({kind: {n: c[0] for n, c in lines.items()} for kind, lines in worst_case.items()})
# An answer that flips has wrong ones beside it, so a line of starts goes with it, not a square
starts = max(1, len(object_names) * (len(one_axis) - 2 * worst) ** 2 / (2 * worst + 1))
for kind in places:
    for label in nets:
        name = f"{kind}/right at all shifts up to {worst} px/{label}"
        record.count(name, ends.loc[label, kind], n=starts, unit="share of starts")
display(ends.style.format("{:.3f}").set_caption(f"right at every shift of up to {worst} px"))
display(Markdown(
    f"**Reading.** Right at the start, and right at every shift of up to {worst} px, as shares of the starts: "
    + "; ".join(
        f"*{label}* " + ", ".join(f"{begin.loc[label, kind]:.0%} and {ends.loc[label, kind]:.0%} {kind}" for kind in places)
        for label in nets
    )
    + "."
))  # fmt: skip

# %% [markdown]
# ### Published, for other networks on other pictures
#
# Zhang's numbers on the ImageNet validation set, cropped shifts in a range of 32 x 32 pixels, one random pair
# per image. They are quoted, not checked: nothing above was measured on ImageNet.

# %%
measured = ("top-1 accuracy, %", "consistency, %")
published = pd.DataFrame({
    name: {(measured[i], kind): values[i] for i in range(2) for kind, values in rows.items()}
    for name, rows in consistency.ZHANG_2019.items()
}).T  # fmt: skip
gains = [rows["anti-aliased"][1] - rows["off-the-shelf"][1] for rows in consistency.ZHANG_2019.values()]
display(published.style.format("{:.2f}").set_caption("Zhang 2019 (anti-aliased: filter Bin-5)"))
cropped = means.loc["cropped", "consistency"]
ours = {end: 100 * (cropped[f"anti-aliased{end}"] - cropped[f"off-the-shelf{end}"]) for end in suffix.values()}
display(Markdown(
    f"**Reading.** On ImageNet anti-aliasing gains {min(gains):.1f} to {max(gains):.1f} points of consistency. "
    f"Here, cropped, within {window} px{' instead of 32' if window != 32 else ''} and on other pictures, so that only "
    "the sign compares, it changes it by "
    + " and ".join(f"{gain:+.1f} points{end.replace(', ', ' with ')}" for end, gain in ours.items()) + "."
))  # fmt: skip

# %% [markdown]
# ### The three predictions

# %%
pixel = means.loc["pasted", "top-1 changes, diagonal"]
kind, label = gap.idxmax()
line = means.loc[(kind, label)]
display(Markdown(
    f"**The answer.** One object, {scene.name}, on white. "
    + " ".join(
        f"*{name}* {'knows' if right[name][half] else 'does not know'} it in the middle, and it knows it at "
        f"{rates.loc[name, 'right']:.0%} of the positions. Its answer changes in {rates.loc[name, 'diagonal']:.1%} of the "
        f"diagonal steps of {stride} px, and along {share:.0%} of the rows it goes between right and wrong more than twice."
        for name, share in crossed.items()
    )
    + " Over all objects, pasted on faded photographs, a diagonal step of one pixel changes the answer in "
    + ", ".join(f"{pixel[name]:.1%} (*{name}*)" for name in nets)
    + f" of all cases. And a network that keeps its answer need not be right: *{label}*, {kind}, agrees with itself in "
    f"{line['consistency']:.0%} of the pairs of shifts and is right in {line['accuracy']:.0%}; in "
    f"{line['wrong, same']:.0%} of the pairs it is wrong twice, in the same way."
))  # fmt: skip

# %% [markdown]
# ## Checks
#
# Identities that hold for every network: the three kinds start from the same picture; on a plain background
# moving the camera *is* moving the object; the probabilities of all classes sum to 1; more shifts cannot help; and
# drawing random pairs, as published, estimates what was counted: the consistency and all four kinds of pairs.

# %%
starts = [item[1].int() for item in moved.values()]
apart = max(int((item - starts[0]).abs().max()) for item in starts)
record.check("start frames of the three kinds, largest difference", apart, expected=0, tolerance=0, source="the same picture")
plain = shifting.Paste(cutout, side).render([[at + reach, at + reach]])[0]
camera = shifting.Crop(objects.Photo(plain, "plain"), first.frame).render(places["cropped"][shown]).int()
still = shifting.Paste(cutout, first.frame).render(places["pasted"][shown]).int()
record.check("cropped - pasted on white", int((camera - still).abs().max()), expected=0, tolerance=0, source="ours; only the object shows")
total = sum(consistency.probability_map(strip, target=k) for k in range(strip.shape[-1]))
record.check("probabilities of all classes, largest |sum - 1|", float((total - 1).abs().max()), expected=0, tolerance=1e-5, source="definition")
rise = max(np.diff(curve).max() for lines in worst_case.values() for curve in lines.values())
record.check_below("worst case, largest rise with m", rise, bound=0, source="definition: more shifts cannot help")
changing = data.loc[(data["consistency"] - 0.5).abs().idxmin()]  # where a draw is least certain

# %%
answers = found[changing["shift"], changing["network"], changing["object"]].numpy()
corners = rng.integers(len(one_axis) - window + 1, size=(2, 1, 20_000))
rows, columns = corners + rng.integers(window, size=(2, 2, 20_000))
one, two = answers[rows[0], columns[0]], answers[rows[1], columns[1]]
right_twice = (one == targets[changing["object"]]).astype(int) + (two == targets[changing["object"]])
wrong = right_twice == 0
drawn = {"consistency": one == two, "both right": right_twice == 2, "one right": right_twice == 1}
drawn |= {"wrong, same": wrong & (one == two), "wrong, different": wrong & (one != two)}
for name, each in drawn.items():
    exact = changing[name]
    error = max((exact * (1 - exact) / 20_000) ** 0.5, 1e-12)
    record.check(f"{name}, drawn - counted, in standard errors", (each.mean() - exact) / error, expected=0, tolerance=4, source="Zhang 2019")
record.finish()

# %% [markdown]
# ## What this does not show
#
# - A steady answer is not a steady feature: the answer only says on which side of a border the features lie.
#   Notebook 1 shows how far they move.
# - A few objects and one background each, so the means have wide margins; the dots show how wide. Notebook 5
#   has intervals.
# - The objects were chosen because the network knows them, off the shelf and at this size, so the accuracy here says
#   nothing about its accuracy on other pictures. It also favours the original over its twin.
# - A cut-out on white, or before a faded photograph of something else, is far from what the networks were trained on:
#   ImageNet's objects stand where they belong. `object_size = 75` shows the first object where it is known less well.
# - The map of the whole frame takes steps of `stride` pixels. At `stride = 1` it takes nine times as long as at 3.
# - One start, halfway to a corner, and shifts that are small against the network's largest stride.
# - The twin was trained a little more than the original: what the blur does and what that training does are not told
#   apart here. `network = "demo_alexnet"`, with `weights = ["centre", "uniform"]` and embedded objects of 48 px, has
#   pairs of networks trained alike.
#
# ## Explore
#
# The probability of the right class for two of the networks: move the object by the sliders.

# %%
shown = {label: each.numpy() for label, each in probability.items()}
panel = panels.MapPanel(shown, scene, label=quantity, stride=stride, limits=(0, 1))
panel

# %% [markdown]
# ## References and next
#
# - J. Lee, J. Yang, Z. Wang. What Does CNN Shift Invariance Look Like? A Visualization Study. ECCV 2020
#   workshops.
# - A. Azulay, Y. Weiss. Why Do Deep Convolutional Networks Generalize so Poorly to Small Image Transformations?
#   JMLR 20, 2019.
# - R. Zhang. Making Convolutional Networks Shift-Invariant Again. ICML 2019.
# - L. Engstrom et al. Exploring the Landscape of Spatial Robustness. ICML 2019.
# - J. Fleiss. Measuring Nominal Scale Agreement Among Many Raters. Psychological Bulletin 76, 1971.
#
# Next: the answer is a summary of the features. Where in them does the change live: from pixel to pixel, or
# across the frame? That is [notebook 5](05_local_global_lattice.ipynb).
