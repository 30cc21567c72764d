// What is shown, as one state, and as the fragment of the page's address, which can be shared.

const page = JSON.parse(document.getElementById("page").textContent)
const $ = (id) => document.getElementById(id)
const SIDES = ["left", "right"]
const LETTERS = { left: "A", right: "B" }
const ANCHORS = { tl: "top left", tr: "top right", c: "centre", bl: "bottom left", br: "bottom right" }
const state = { subject: -1, at: [0, 0], anchor: [0, 0], low: 0, high: 1, palette: page.palette, maps: {}, loading: 0 }
const timings = { move: [], anchor: [] }

const subject = () => page.subjects[state.subject]
const grid = () => [subject().rows[2], subject().cols[2]]
const pixel = ([i, j]) => [subject().rows[0] + i * subject().rows[1], subject().cols[0] + j * subject().cols[1]]
const clamp = (value, low, high) => Math.min(high, Math.max(low, value))
const network = (side) => subject().networks[$(`${side}-network`).value]
const layer = (side) => network(side).layers[$(`${side}-layer`).value]
const kindOf = (side, kind) => network(side).layers.find((each) => each.kind === kind)

// The nearest position there is to a pixel (row, col).
function nearestPlace([row, col]) {
  const { rows, cols } = subject()
  return [[row, rows], [col, cols]].map(([at, [first, step, count]]) => clamp(Math.round((at - first) / step), 0, count - 1))
}

function classic() {
  const [rows, cols] = grid()
  const [i, j] = [rows - 1, cols - 1]
  return { tl: [0, 0], tr: [0, j], c: [i >> 1, j >> 1], bl: [i, 0], br: [i, j] }
}

function classicName([i, j]) {
  return Object.entries(classic()).find(([, at]) => at[0] === i && at[1] === j)?.[0]
}

// The anchors that both sides know; all five where none is limited to some.
function knownAnchors() {
  const limited = SIDES.map(layer).filter(({ kind }) => kind === "anchors")
  return Object.keys(ANCHORS).filter((name) => limited.every(({ anchors }) => anchors.includes(name)))
}

// Where a map is known for some anchors only, the nearest of those.
function possibleAnchor(place) {
  const known = knownAnchors()
  if (!known.length || !SIDES.some((side) => layer(side).kind === "anchors")) return place
  const far = ([i, j]) => (i - place[0]) ** 2 + (j - place[1]) ** 2
  const places = known.map((name) => classic()[name])
  return places.reduce((best, other) => (far(other) < far(best) ? other : best))
}

// --- the address

function written() {
  const fragment = { object: subject().name }
  for (const side of SIDES) {
    fragment[side] = network(side).title
    fragment[`${side}-layer`] = layer(side).key
  }
  return { ...fragment, anchor: pixel(state.anchor).join(), at: pixel(state.at).join() }
}

const fragmentOf = (fields) => `#${new URLSearchParams(fields).toString().replaceAll("%2C", ",")}`

// Browsers allow a few changes a second: the last of a movement is written.
let writing = null
function writeAddress() {
  clearTimeout(writing)
  writing = setTimeout(() => {
    if (!state.loading) history.replaceState(null, "", fragmentOf(written()))
  }, 150)
}

const readAddress = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)))

// "12,40" as two numbers, or undefined.
function pair(text) {
  const numbers = (text ?? "").split(",").map((part) => (part.trim() ? Number(part) : NaN))
  return numbers.length === 2 && numbers.every(Number.isFinite) ? numbers : undefined
}
