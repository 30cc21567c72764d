// What the networks say, in words and as colours.

const RIGHT = page.right
const [OTHERS, REST] = [page.wrong.slice(0, -1), page.wrong.at(-1)]
const OF_SIDE = { left: "#0173b2", right: "#de8f05" }

const signed = (value, digits) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(digits)
const number = (value, digits = 3) => (Number.isNaN(value) ? "–" : value.toFixed(digits).replace("-", "−"))
const chance = (value) => (value >= 0.995 ? "1.0" : value < 0.005 ? "<.01" : value.toFixed(2).slice(1))
const percent = (share) => `${share > 0 && share < 0.005 ? "<1" : share < 1 && share >= 0.995 ? ">99" : Math.round(100 * share)} %`

// What a network says at a place: [word, how likely, is it right] for each answer known, then what else is known.
function saying(side, [i, j] = state.at) {
  const [rows, cols] = grid()
  const at = i * cols + j
  const [answers, own, { likely }] = [kindOf(side, "answers"), kindOf(side, "map"), network(side)]
  const ownChance = own && cache.get(own.data)[at]
  if (!answers) return { said: [], rest: own ? `${own.name} ${chance(ownChance)}` : "" }
  const planes = Array.from({ length: answers.k }, (_, plane) => plane * rows * cols + at)
  const said = planes.map((place) => {
    const code = cache.get(answers.data)[place]
    const right = code === answers.right
    const chanceOf = likely ? cache.get(likely.data)[place] : right && own ? ownChance : undefined
    return [answers.labels[code], chanceOf, right]
  })
  return { said, rest: own && !likely && !said[0][2] ? `${own.name} ${chance(ownChance)}` : "" }
}

function spoken(side) {
  const { said, rest } = saying(side)
  const words = said.map(([word, chanceOf]) => (chanceOf === undefined ? word : `${word} ${chance(chanceOf)}`))
  return [...words, rest].filter(Boolean).join(", ")
}

function drawSaying(side) {
  const { said, rest } = saying(side)
  const parts = said.map(([word, chanceOf, right], index) => {
    const name = document.createElement(index ? "span" : "strong")
    name.textContent = word
    name.className = right ? "is-right" : ""
    const part = document.createElement("span")
    part.className = index ? "second" : ""
    part.append(index ? ", " : "", name, chanceOf === undefined ? "" : ` ${chance(chanceOf)}`)
    return part
  })
  if (rest) {
    const part = document.createElement("span")
    part.className = said.length ? "second" : ""
    part.textContent = `${said.length ? ", " : ""}${rest}`
    parts.push(part)
  }
  const line = $(`${side}-says`)
  line.replaceChildren(...parts)
  line.title = spoken(side)
}

// --- answers as colours: one colour for a class on both sides

function ranked() {
  const counts = new Map()
  for (const side of SIDES) {
    const answers = layer(side)
    if (answers.kind !== "answers") continue
    for (const code of cache.get(answers.data).subarray(0, grid()[0] * grid()[1])) {
      if (code !== answers.right) counts.set(answers.labels[code], (counts.get(answers.labels[code]) ?? 0) + 1)
    }
  }
  return [...counts].sort((a, b) => b[1] - a[1]).slice(0, OTHERS.length).map(([name]) => name)
}

// For each position the number of its entry in the legend, and the legend: [word, colour, share], most first.
function classes(side, others = ranked()) {
  const answers = layer(side)
  const codes = cache.get(answers.data).subarray(0, grid()[0] * grid()[1])
  const words = [answers.known ? network(side).label : "", ...others, "another"]
  const of = answers.labels.map((name, code) =>
    code === answers.right ? 0 : others.includes(name) ? 1 + others.indexOf(name) : words.length - 1)
  return legendOf(Array.from(codes, (code) => of[code]), words, [RIGHT, ...OTHERS.slice(0, others.length), REST])
}

// Where both sides answer: who is right, or without a right answer, whether they say the same.
function agreement({ left, right }) {
  if (SIDES.every((side) => layer(side).known)) {
    const codes = Array.from(left, (value, at) => (value ? (right[at] ? 0 : 1) : right[at] ? 2 : 3))
    const words = ["both right", "only A right", "only B right", "neither"]
    return legendOf(codes, words, [RIGHT, OF_SIDE.left, OF_SIDE.right, REST])
  }
  const [a, b] = SIDES.map((side) => ({ codes: cache.get(layer(side).data), labels: layer(side).labels }))
  const codes = Array.from(left, (_, at) => Number(a.labels[a.codes[at]] !== b.labels[b.codes[at]]))
  return legendOf(codes, ["the same answer", "different answers"], [RIGHT, REST])
}

function legendOf(codes, words, colours) {
  const counts = words.map((_, index) => codes.filter((code) => code === index).length)
  const legend = words.map((word, index) => [word, colours[index], counts[index] / codes.length])
  return { codes, colours, legend: legend.filter(([word, , share]) => word && share > 0) }
}

// --- one sentence for those who listen

let saidLater = null
function announce() {
  clearTimeout(saidLater)
  saidLater = setTimeout(() => {
    if (state.loading) return // the next drawing announces
    const [row, col] = pixel(state.at)
    const [cols, at] = [grid()[1], state.at]
    const parts = SIDES.map((side) => {
      const value = layer(side).kind === "answers" ? "" : `${layer(side).unit} ${number(state.maps[side][at[0] * cols + at[1]], 2)}`
      return `${LETTERS[side]}, ${network(side).title}, ${[spoken(side), value].filter(Boolean).join(", ")}`
    })
    $("said").textContent = `Row ${row}, column ${col}: ${parts.join("; ")}.`
  }, 500)
}

// --- the words of the layers in view

const GLOSSARY = {
  answers: "the class that the network finds likeliest with the object at that place",
  pool: "the features that the classifier reads, after the last average over the picture",
  fc: "the score of every class, before they become probabilities",
  fc6: "the first fully connected layer, the first to see the whole picture",
  fc7: "the second fully connected layer",
  fc8: "the score of every class, before they become probabilities",
}

function meaning({ key, name, kind }) {
  if (kind === "map") return [name, `the probability of the class “${name.slice(2, -1)}”, the object's own`]
  const block = /^block(\d)$/.exec(key)
  if (block) return [name, `features after block ${block[1]} of 7, averaged over the picture`]
  return GLOSSARY[key] && [name, GLOSSARY[key]]
}

function drawGlossary() {
  const shown = SIDES.map(layer)
  const entries = shown.map(meaning).filter(Boolean)
  if (shown.some(({ unit }) => unit === "cosine similarity")) {
    entries.push(["similarity", "the cosine between the features there and at the anchor: 1 is unchanged"])
  }
  const once = [...new Map(entries)]
  $("glossary").replaceChildren(...once.flatMap(([word, text]) => {
    const name = document.createElement("dfn")
    name.textContent = word
    return [name, ` ${text}. `]
  }))
}
