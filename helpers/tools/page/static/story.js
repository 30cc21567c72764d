// The line over the maps: six views that tell the story, each a link, and its numbers, read off the maps in view.

const REAL = ["EfficientNet-Lite0, off-the-shelf", "EfficientNet-Lite0, anti-aliased"]
const two = (value) => number(value, 2)
const three = (value) => number(value, 3)
const means = () => SIDES.map((side) => mean(state.maps[side]))
const view = (object, [left, right], [leftLayer, rightLayer], rest = {}) =>
  ({ object, left, "left-layer": leftLayer, right, "right-layer": rightLayer, ...rest })

const PRESETS = [
  {
    name: "A corner",
    fields: view("demitasse, 75 px, any anchor", REAL, ["pool", "pool"], { anchor: "0,0", at: "70,70" }),
    words() {
      const [corner, middle] = ["tl", "c"].map((name) => mean(mapOf("left", classic()[name])))
      return `Compared with the top left corner, A's features have a similarity of ${two(corner)} on average; compared with
        the middle, ${two(middle)}. Click anywhere: which places look like which?`
    },
  },
  {
    name: "The lattice",
    fields: view("motorcycle, 125 px, every 1 px", REAL, ["pool", "pool"], { anchor: "49,49", at: "49,66" }),
    words() {
      const [plain, smooth] = SIDES.map((side) => roughness(state.maps[side]))
      return `Positions one pixel apart: a step to the side changes A by ${three(plain.mean)} on average, by
        ${three(plain.largest)} at most, B by ${three(smooth.mean)} and ${three(smooth.largest)}. Look for a grid with the
        period of the strides.`
    },
  },
  {
    name: "Anti-aliasing",
    fields: view("demitasse, 75 px, every 2 px", REAL, ["answers", "answers"], { anchor: "74,74", at: "52,102" }),
    words() {
      const [plain, smooth] = means()
      return `The same network without and with a blur before each step that drops pixels: A is right at ${percent(plain)} of the places,
        B, its anti-aliased twin, at ${percent(smooth)}. Where do their answers differ?`
    },
  },
  {
    name: "Trained everywhere",
    fields: view("cup, 48 px, any anchor",
      ["demo AlexNet, trained at the centre, off-the-shelf", "demo AlexNet, trained everywhere, off-the-shelf"],
      ["P", "P"], { anchor: "40,40", at: "5,5" }),
    words() {
      const [plain, everywhere] = means()
      const [a, b] = SIDES.map((side) => smallest(state.maps[side]))
      return `One architecture, trained twice. With objects at the centre (A) its P(cup) is ${two(plain)} on average and
        ${two(a)} at worst; with objects everywhere (B) ${two(everywhere)} and ${two(b)}.`
    },
  },
  {
    name: "Layer by layer",
    fields: view("demitasse, 75 px, any anchor", [REAL[0], REAL[0]], ["block5", "pool"], { anchor: "70,70", at: "0,145" }),
    words() {
      const [early, late] = means()
      return `One network, two depths: the average over the picture after block 5 keeps a similarity of ${three(early)} on
        average, the features that the classifier reads ${three(late)}. Choose the blocks between in A's menu.`
    },
  },
  {
    name: "The paper's own maps",
    fields: view("berry, the paper's own maps", ["AlexNet, off-the-shelf", "AlexNet, anti-aliased"], ["fc6", "fc6"],
      { anchor: "62,62", at: "20,20" }),
    words() {
      const [plain, smooth] = means()
      return `The authors' files, as they published them: AlexNet's fc6 with the berry in the middle as the anchor has a
        mean similarity of ${two(plain)}, its anti-aliased version ${two(smooth)}.`
    },
  },
]

// Whether the page has what a view names.
function has({ fields }) {
  const networks = page.subjects.find(({ name }) => name === fields.object)?.networks
  return SIDES.every((side) => networks?.find(({ title }) => title === fields[side])
    ?.layers.some(({ key }) => key === fields[`${side}-layer`]))
}

function offerPresets() {
  const there = PRESETS.filter(has)
  $("presets").hidden = !there.length
  $("presets").replaceChildren(...there.map(({ name, fields }) => {
    const link = document.createElement("a")
    link.textContent = name
    link.href = fragmentOf(fields)
    return link
  }))
}

// What may be said of any two maps.
function plainWords() {
  const [a, b] = means()
  const [left, right] = SIDES.map(layer)
  if (left.kind === "answers" && right.kind === "answers" && left.known && right.known) {
    return `With the object at each place in turn, A gives the right answer (${network("left").label}) at ${percent(a)} of
      ${(grid()[0] * grid()[1]).toLocaleString("en")} places, B at ${percent(b)}.`
  }
  const words = SIDES.map((side, index) => {
    const { kind, name, unit } = layer(side)
    const value = [a, b][index]
    const what = unit === "cosine similarity" ? `similarity of its ${name} to the anchor` : name
    if (kind === "answers") return `${LETTERS[side]} gives ${layer(side).known ? "the right answer" : "the anchor's answer"} at ${percent(value)} of the places`
    return `${LETTERS[side]}: ${what}, ${two(value)} on average, ${two(smallest(state.maps[side]))} at the lowest`
  })
  return `${words.join("; ")}.`
}

function drawStory() {
  const now = written()
  const told = PRESETS.find(({ fields }) => ["object", ...SIDES, "left-layer", "right-layer", "anchor"]
    .every((key) => fields[key] === now[key]))
  for (const link of $("presets").children) {
    if (link.textContent === told?.name) {
      link.setAttribute("aria-current", "true")
      $("presets").scrollLeft = link.offsetLeft - $("presets").clientWidth / 3 // on a phone the links are a row to swipe
    } else link.removeAttribute("aria-current")
  }
  $("story").textContent = (told ? told.words() : plainWords()).replace(/\s+/g, " ")
}
