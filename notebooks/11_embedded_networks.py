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
# # 11. The embedded networks: where do the small networks come from?
#
# **The question.** To tell causes apart one needs networks that differ in one thing at a time, and nobody publishes those.
# So this project trained twelve small ones, which [notebook 7](07_causes.ipynb) compares. Have they really learned to see?
# And where in the frame?
#
# Three families (the layouts of AlexNet, ResNet and MobileNetV2, at a quarter of the width), each *off the shelf* (here: as
# the family is usually built) and *anti-aliased* (with a blur before each step at which it drops pixels), each trained on
# objects near the *centre* of the frame and on objects *everywhere* in it. Read this when you want to know how far
# notebook 7 can be trusted.
#
# *The core takes five minutes to read and less than a minute to run on one CPU core; the part for sceptics is folded.*

# %% tags=["parameters"]
families: list = ["demo_alexnet", "demo_resnet", "demo_mobilenet_v2"]  # names, embedded networks
object_name: str = "cup"  # name, the class on show and the object whose maps are made
per_class: int = 1  # count, new objects of each class
accuracy_stride: int = 20  # px, between positions of the accuracy; 80 divides by it
stride: int = 4  # px, between positions of the maps
seed: int = 0  # integer, of all random numbers
device: str = "auto"  # name, cpu, cuda or auto
out: str = "../runs/lab"  # folder, where figures and numbers go

# %% [markdown]
# ## Set-up

# %%
import itertools
import json

import numpy as np
import pandas as pd
import torch
from IPython.display import display

from helpers import features, networks, objects, records, runtime, shifting, similarity
from helpers.measures import uncertainty
from helpers.networks.embedded import store
from helpers.tools.training import evaluate, scenes, train
from helpers.views import panels, plots

runtime.seed(seed)
given = {"families": families, "object_name": object_name, "per_class": per_class}
given |= {"accuracy_stride": accuracy_stride, "stride": stride, "seed": seed}
keys = list(itertools.product(families, store.POSITIONS, (False, True)))
nets = {(name, where, smooth): networks.load(name, antialiased=smooth, weights=where) for name, where, smooth in keys}
words = {"centre": "trained at the centre", "uniform": "trained everywhere"}
kinds = [f"{'anti-aliased' if smooth else 'off-the-shelf'},\n{words[where]}" for _, where, smooth in keys[:4]]
record = records.Record("11_embedded_networks", out, given, nets.values(), device=device)
panels.Folded("Versions", pd.Series(runtime.stamp()["packages"], name="version").to_frame().T)

# %% [markdown]
# ## One object
#
# Above is one class as the networks saw it in training: warped, filled with crops of photographs, over white, a colour or a
# photograph. Silhouettes come from a font, digits are handwritten, and there are forty classes. Below are objects of the same
# class that no network has seen. Would you know them?

# %%
number = objects.CLASSES.index(object_name)
drawn = [scenes.batch(0, step, n=train.BATCH, positions="uniform") for step in range(8)]  # as in training
old = torch.cat([frames[labels == number] for frames, labels in drawn])[:5]
frame = nets[keys[0]].frame
new = [shifting.Paste(objects.load(f"{object_name}#{index}", evaluate.OBJECT_SIZE), frame) for index in range(len(old))]
middle = [side // 2 for side in new[0].grid]
shown = torch.cat([old, *(each.render([middle]) for each in new)])
figure = plots.frames(shown, titles=[*["in training"] * len(old), *["new"] * len(new)], columns=len(old))
record.save_figure(figure, "training_scenes")
figure

# %% [markdown]
# ### Predict, then look

# %%
guess = panels.Guess({
    "An AlexNet has seen its objects near the centre only. How many does it name rightly at the edge of the frame?": ["all", "two thirds", "one third", "none"],
    "And one that has seen them everywhere?": ["all", "two thirds", "one third", "none"],
    "How long was the training of all twelve, on one CPU thread each?": ["ten minutes", "some hours", "some days"],
})  # fmt: skip
guess

# %% [markdown]
# ## Method
#
# **Accuracy** is the share of new objects that a network names rightly, with the object at one position on white. By hand
# first: the five new objects above, in the centre and in the corner.

# %%
first = nets[keys[0]]
names = {}
for place, at in {"centre": middle, "corner": [0, 0]}.items():
    scores = features.of_frames(first, torch.cat([each.render([at]) for each in new]), [first.logits], device=device)
    names[f"in the {place}"] = [objects.CLASSES[k] for k in scores[first.logits].argmax(-1).tolist()]
pd.DataFrame(names, [f"{object_name} {index}" for index in range(len(new))]).T.rename_axis(first.title)

# %% [markdown]
# **Similarity** is the cosine of two lists of <abbr title="the numbers that a layer of the network computes from one picture">features</abbr>,
# as in [notebook 1](01_similarity_maps.ipynb): 1 where they are proportional. The layers are those that the paper uses: fc7
# for AlexNet, the class scores for the others.
#
# ## Run

# %%
held_out, labels = evaluate.held_out(per_class)
steps = range(0, evaluate.REACH + 1, accuracy_stride)
right = {
    key: np.array([
        [(evaluate.logits(net.module, held_out, position=(row, col)).argmax(1) == labels).numpy() for col in steps] for row in steps
    ])
    for key, net in nets.items()
}  # fmt: skip (rows, columns, objects)
scene, layers = new[0], {name: "fc7" if name == "demo_alexnet" else "fc" for name in families}
maps = {}
for key, net in nets.items():
    found = features.extract(net, scene, [layers[key[0]]], stride=stride, device=device, progress=False)
    maps[key] = similarity.cosine_map(found.layers[layers[key[0]]], "c").numpy()

# %% [markdown]
# ## Results
#
# ### Where are objects recognised?
#
# The share of new objects that are named rightly, by the object's position: one small map for each of the networks. The
# colours go from 0 to 1 and are shared by all maps.

# %%
lines = [[right[key].mean(-1) for key in keys[i : i + 4]] for i in range(0, len(keys), 4)]
figure = plots.heatmaps(lines, rows=families, columns=kinds, stride=accuracy_stride, label="accuracy", limits=(0, 1))
record.save_figure(figure, "accuracy")
figure

# %%
edge = np.ones(right[keys[0]].shape[:2], dtype=bool)
edge[1:-1, 1:-1] = False
half = len(steps) // 2
accuracy = {}
for key, each in right.items():
    by_class = each.reshape(*edge.shape, len(objects.CLASSES), per_class).mean(-1)
    accuracy[key] = {"centre": by_class[half, half], "edge": by_class[edge].mean(0)}
    for place, values in accuracy[key].items():
        name = f"accuracy, {place}/{key[0]}/{'anti-aliased' if key[2] else 'off-the-shelf'}, {key[1]}"
        record.count(name, values.mean(), n=len(labels) * (edge.sum() if place == "edge" else 1), unit="share")
lost = {
    where: np.mean([accuracy[key]["centre"] - accuracy[key]["edge"] for key in keys if key[1] == where], axis=0) for where in store.POSITIONS
}
over = {"over": "classes", "unit": "share", "counted": len(labels)}
record.claim(
    "edge/centre", "Trained at the centre, a network recognises fewer objects at the edge of the frame than in its centre.",
    uncertainty.student(lost["centre"]), above=0, **over,
)  # fmt: skip
record.claim(
    "edge/everywhere", "Trained everywhere, it recognises as many at the edge, within a tenth.",
    uncertainty.student(lost["uniform"]), above=-0.1, below=0.1, **over,
)  # fmt: skip

# %%
by_place = pd.DataFrame({
    (words[where], place): {name: np.mean([accuracy[name, where, smooth][place].mean() for smooth in (False, True)]) for name in families}
    for where in store.POSITIONS for place in ("centre", "edge")
})  # fmt: skip
display(by_place.style.format("{:.0%}").set_caption("accuracy, mean of the network off the shelf and its anti-aliased version"))

# %% [markdown]
# **Reading.** A <abbr title="the layer type these networks are built of: the same small filter applied at every place of the picture">convolution</abbr>
# does the same everywhere, and still what was learned at the centre reaches the edge only in part. How far it reaches differs
# between the families. Notebook 7 asks what that does to the features.
#
# ### Similarity with the centre
#
# One new object at all positions. The colours are shared by all maps.

# %%
lines = [[maps[key] for key in keys[i : i + 4]] for i in range(0, len(keys), 4)]
rows = [f"{name}, {layers[name]}" for name in families]
figure = plots.heatmaps(lines, rows=rows, columns=kinds, stride=stride, label=f"cosine with the centre, {object_name}")
record.save_figure(figure, "similarity")
figure

# %% [markdown]
# ### Your guess beside it

# %%
facts = {key: store.load_state(key[0], antialiased=key[2], positions=key[1])[1] for key in keys}  # how they were trained
minutes = sum(float(fact["seconds"]) for fact in facts.values()) / 60
guess.beside(*(f"{accuracy[families[0], where, False]['edge'].mean():.0%}" for where in store.POSITIONS), f"{minutes:.0f} minutes in all")

# %% [markdown]
# ## Exercises
#
# **1.** Train one yourself, for a moment. Before it has learned anything, a network that tells forty classes apart has a loss of
# about $\ln 40 = 3.7$. How soon does the loss begin to fall?
#
# <details><summary>A solution</summary>
#
# ```python
# from helpers.networks.embedded import architectures
# from helpers.networks.network import standardise
#
# torch.manual_seed(1)
# mine = architectures.build("demo_resnet", antialiased=False)
# optimiser = torch.optim.AdamW(mine.parameters(), 1e-3)
# for step in range(40):
#     pictures, classes = scenes.batch(1, step, n=32, positions="centre")
#     loss = torch.nn.functional.cross_entropy(mine(standardise(pictures)), classes)
#     optimiser.zero_grad()
#     loss.backward()
#     optimiser.step()
#     if step % 13 == 0:
#         print(step, f"{loss.item():.2f}")
# ```
#
# After a few dozen steps it is just beginning. The networks here took 1,600 to 6,000 steps of 64 scenes.
#
# </details>
#
# **2.** At the edge, the network trained at the centre is often wrong. Does it name something similar, or always the same few
# things?
#
# <details><summary>A solution</summary>
#
# ```python
# answers = evaluate.logits(first.module, held_out, position=(0, 0)).argmax(1)
# wrong = answers[answers != labels]
# names, counts = wrong.unique(return_counts=True)
# for k in counts.argsort(descending=True)[:5].tolist():
#     print(objects.CLASSES[int(names[k])], f"{int(counts[k])} of {len(wrong)} wrong answers")
# ```
#
# A few classes take most of the wrong answers: at the corner the network hardly sees what the object is.
#
# </details>
#
# ## Explore
#
# The maps of the last family: move the object.

# %%
shown = {kind.replace("\n", " "): maps[key] for kind, key in zip(kinds, keys[-4:], strict=True)}
panel = panels.MapPanel(shown, scene, label="cosine with the centre", stride=stride)
panel

# %% [markdown]
# ## What this does not show
#
# - These networks are small and tell forty shapes apart. Published networks saw a million photographs.
# - One object of each class at a few positions, on white. `per_class = 10` shows more, in ten times the time.
# - One training of each network. Notebook 7 sets the numbers of others beside them. `make weights ARGS="--seed 2"` trains
#   another set, and `python -m helpers weights keep runs/seed2/*.safetensors` keeps its numbers.
# - Centre and everywhere are two doses of one cause. For one network, notebook 7 has the numbers of two more
#   (`make weights ARGS="--positions sigma12 sigma24 --only demo_resnet_sigma --out runs/dose"` trains them).

# %% [markdown] jp-MarkdownHeadingCollapsed=true
# ## For sceptics
#
# Controls and checks. In JupyterLab the arrow beside the heading opens them.

# %% [markdown]
# ### How they were trained
#
# From scratch, with one recipe for each family. Two networks that differ in the blur alone, **twins**, share the first weights,
# the scenes and their order. Weights are kept as float16 where no cosine of a test set moves by more than the `float16`
# column allows, otherwise as float32.

# %%
recipes = pd.DataFrame({name: json.loads(facts[name, "centre", False]["recipe"]) for name in families}).astype(str)
table = pd.DataFrame({
    (name, words[where], "anti-aliased" if smooth else "off-the-shelf"): {
        "steps": int(fact["steps"]), "seconds": float(fact["seconds"]), "accuracy, centre": float(fact["accuracy_centre"]),
        "accuracy, corners": float(fact["accuracy_corners"]), "float16 moves a cosine by": float(fact["float16_shift"]), "kept as": fact["stored"],
    }
    for (name, where, smooth), fact in facts.items()
}).T  # fmt: skip
formats = {"seconds": "{:.0f}", "accuracy, centre": "{:.3f}", "accuracy, corners": "{:.3f}", "float16 moves a cosine by": "{:.0e}"}
panels.Folded(
    f"Recipe and result of each network; accuracies over {facts[keys[0]]['accuracy_objects']} new objects",
    recipes.drop("positions"), table.style.format(formats),
)  # fmt: skip

# %% [markdown]
# ### Checks
#
# A position is similar to itself with cosine 1, and no cosine leaves [-1, 1]. Twins must be equally good at the centre, or
# comparing them would compare trainings; and AlexNet must show what notebook 7 is about.

# %%
at = tuple((size - 1) // 2 for size in maps[keys[0]].shape)
worst = max(abs(float(each[at]) - 1) for each in maps.values())
record.check("self-similarity, largest |s - 1|", worst, expected=0, tolerance=1e-5, source="definition; float32 rounding")
largest = max(float(np.abs(each).max()) for each in maps.values())
record.check_below("largest |cosine|", largest, bound=1 + 1e-5, source="Cauchy-Schwarz; float32 rounding")
source = "ours: required of the networks that come with the workbook"
half_precision = max((float(fact["float16_shift"]) for fact in facts.values() if fact["stored"] == "float16"), default=0.0)
record.check_below("cosine moved by float16", half_precision, bound=5e-4, source="ours: the weights' storage must not show")
reached = np.array([float(fact["accuracy_centre"]) for fact in facts.values()])
record.check_below("accuracy gap between twins", np.abs(reached[::2] - reached[1::2]).max(), bound=0.02 + 1e-9, source=source)
if "demo_alexnet" in families:
    record.check_below("AlexNet, centre: edge", accuracy["demo_alexnet", "centre", False]["edge"].mean(), bound=0.5, source=source)
    record.check_above("AlexNet, everywhere: edge", accuracy["demo_alexnet", "uniform", False]["edge"].mean(), bound=0.9, source=source)
panels.Folded("The checks, all of which hold", record.finish())

# %% [markdown]
# ## References and next
#
# - J. Lee, J. Yang, Z. Wang. What Does CNN Shift Invariance Look Like? A Visualization Study. ECCV 2020 workshops.
# - R. Zhang. Making Convolutional Networks Shift-Invariant Again. ICML 2019.
#
# This is the last notebook. How fast is all this? See the [benchmarks](../tests/benchmarks/RESULTS.md).
