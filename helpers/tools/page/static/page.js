// The page at work: one state, and functions that bring figures and words in step with it.
// Models (Bokeh's) come as `models`; names of objects and networks only ever become text nodes.

const page = JSON.parse(document.getElementById("page").textContent)
const $ = (id) => document.getElementById(id)
const SIDES = ["left", "right"]
const ANCHORS = { tl: "top left", tr: "top right", c: "centre", bl: "bottom left", br: "bottom right" }
const state = { subject: 0, at: [0, 0], anchor: [0, 0], low: 0, high: 1, palette: page.palette, maps: {}, loading: 0,
  entered: false }
const cache = new Map() // data block id -> what was made of it, for one subject at a time
const timings = { move: [], anchor: [] }
let cross = null // the lines of the cross-hair, made when first drawn

const subject = () => page.subjects[state.subject]
const grid = () => [subject().rows[2], subject().cols[2]]
const pixel = ([i, j]) => [subject().rows[0] + i * subject().rows[1], subject().cols[0] + j * subject().cols[1]]
const clamp = (value, low, high) => Math.min(high, Math.max(low, value))
const signed = (value, digits) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(digits)
const number = (value, digits = 3) => (Number.isNaN(value) ? "–" : value.toFixed(digits).replace("-", "−"))
const network = (side) => subject().networks[$(`${side}-network`).value]
const layer = (side) => network(side).layers[$(`${side}-layer`).value]

function classic() {
  const [rows, cols] = grid()
  const [i, j] = [rows - 1, cols - 1]
  return { tl: [0, 0], tr: [0, j], c: [i >> 1, j >> 1], bl: [i, 0], br: [i, j] }
}

function classicName([i, j]) {
  return Object.entries(classic()).find(([, at]) => at[0] === i && at[1] === j)?.[0]
}

// --- maps

async function fetched(block, make) {
  if (!cache.has(block.data)) {
    const [rows, cols] = grid()
    cache.set(block.data, make(unpack(await inflate(block.data), block.k, rows, cols), rows * cols))
  }
  return cache.get(block.data)
}

const scaled = (step) => (codes) => Float32Array.from(codes, (code) => code * step)

// Loads what a side's layer needs; afterwards `mapOf` is quick.
async function load(side) {
  const chosen = layer(side)
  const { probability, top1 } = network(side)
  if (chosen.kind === "features") await fetched(chosen, (codes, p) => vectorsOf(codes, chosen.steps, p))
  else await fetched(chosen, scaled(chosen.step))
  if (probability) await fetched(probability, scaled(probability.step))
  if (top1) await fetched(top1, (codes) => codes)
}

function mapOf(side) {
  const chosen = layer(side)
  const [rows, cols] = grid()
  const made = cache.get(chosen.data)
  if (chosen.kind === "features") return cosines(made, chosen.k, state.anchor[0] * cols + state.anchor[1])
  const plane = chosen.kind === "map" ? 0 : chosen.anchors.indexOf(classicName(state.anchor))
  if (plane < 0) return new Float32Array(rows * cols).fill(NaN)
  return made.slice(plane * rows * cols, (plane + 1) * rows * cols)
}

// --- drawing

function fill(source, values, shape, box) {
  const before = source.data.image[0]
  const image = new before.constructor(values, shape) // Bokeh's n-d array, of the same type as before
  const [x, y, w, h] = box
  source.data = { image: [image], x: [x], y: [y], w: [w], h: [h] }
}

function drawMaps() {
  const [rows, cols] = grid()
  const { rows: [top, down], cols: [first, across] } = subject()
  const box = [first - across / 2, top - down / 2, cols * across, rows * down]
  for (const side of SIDES) {
    state.maps[side] = mapOf(side)
    fill(models[`${side}_image`], state.maps[side], [rows, cols], box)
  }
  const { left, right } = state.maps
  const comparable = layer("left").unit === layer("right").unit
  state.maps.difference = comparable ? right.map((value, at) => value - left[at]) : right.map(() => NaN)
  fill(models.difference_image, state.maps.difference, [rows, cols], box)
  const largestStep = largest(state.maps.difference.map((value) => (Number.isNaN(value) ? 0 : Math.abs(value))))
  const limit = niceLimit(largestStep)
  models.difference_mapper.setv({ low: -limit, high: limit })
  for (const [id, end] of [["difference-low", -limit], ["difference-high", limit]]) {
    $(id).textContent = state.maps.difference.every(Number.isNaN) ? "" : signed(end, limit < 0.01 ? 3 : 2)
  }
  const unlike = `a ${layer("right").unit} less a ${layer("left").unit}: no difference`
  $("difference-kind").textContent = comparable ? "right minus left" : unlike
  drawProfiles(rows, cols)
  const [row, col] = pixel(state.anchor)
  models.anchor.data = { x: [col], y: [row] }
  for (const button of document.querySelectorAll("[data-anchor]")) {
    button.setAttribute("aria-pressed", button.dataset.anchor === classicName(state.anchor))
  }
  $("anchor-place").textContent = `row ${row}, column ${col}`
  for (const side of SIDES) {
    $(`${side}-unit`).textContent = layer(side).unit
    const missing = layer(side).kind === "anchors" && Number.isNaN(state.maps[side][0])
    $(`${side}-note`).textContent = missing ? "known only at the five classic anchors" : layer(side).note ?? ""
  }
}

function drawProfiles(rows, cols) {
  const both = SIDES.map((side) => profiles(state.maps[side], rows, cols))
  const all = both.flatMap((one) => [...one.rows, ...one.cols]).filter((value) => !Number.isNaN(value))
  for (const [name, count, lattice] of [["rows", rows, subject().rows], ["cols", cols, subject().cols]]) {
    const at = Array.from({ length: count }, (_, i) => lattice[0] + i * lattice[1])
    models[name].data = { at, left: both[0][name], right: both[1][name] }
  }
  if (!all.length) return
  const [low, high] = [smallest(all), largest(all)]
  const room = 0.08 * Math.max(high - low, 1e-3)
  models.profile_range.setv({ start: low - room, end: high + room })
  models.profile_ticks.ticks = fewTicks(low - room, high + room)
}

function drawPlace() {
  const [rows, cols] = grid()
  const [row, col] = pixel(state.at)
  drawCross()
  drawFrame(row, col)
  const at = state.at[0] * cols + state.at[1]
  for (const side of SIDES) {
    const { probability, top1, label } = network(side)
    $(`${side}-value`).textContent = number(state.maps[side][at])
    const words = []
    if (top1) words.push(`answer: ${top1.labels[cache.get(top1.data)[at]]}`)
    if (probability) words.push(`P(${label}) ${number(cache.get(probability.data)[at])}`)
    $(`${side}-class`).textContent = words.join(" · ")
  }
  const difference = state.maps.difference[at]
  $("difference-value").textContent = Number.isNaN(difference) ? "–" : signed(difference, 3)
  $("place").textContent = `row ${row}, column ${col}`
}

// A line over a plot's frame, light between dark edges: seen on every colour. It covers the frame and is shifted
// by a share of it, so that it needs no place in pixels and moving it paints no plot again.
function line(plot, upright) {
  const cover = document.createElement("div")
  cover.style.cssText = "position: absolute; inset: 0; overflow: hidden; pointer-events: none"
  const sheet = document.createElement("div")
  sheet.style.cssText = "position: absolute; inset: 0"
  const mark = document.createElement("div")
  const place = upright ? "left: -1.5px; width: 3px; height: 100%" : "top: -1.5px; height: 3px; width: 100%"
  const shades = `linear-gradient(${upright ? 90 : 180}deg, #0006 1px, #fffe 1px 2px, #0006 2px)`
  mark.style.cssText = `position: absolute; ${place}; background: ${shades}`
  sheet.append(mark)
  cover.append(sheet)
  cover.dataset.cross = upright ? "x" : "y"
  Bokeh.index.find_one(plot).frame.shadow_el.append(cover)
  return sheet
}

function drawCross() {
  cross ??= {
    x: models.crossed_x.map((plot) => line(plot, true)), y: models.crossed_y.map((plot) => line(plot, false)),
  }
  const share = (place, count) => `${(100 * (place + 0.5)) / count}%`
  const [rows, cols] = grid()
  for (const sheet of cross.x) sheet.style.transform = `translateX(${share(state.at[1], cols)})`
  for (const sheet of cross.y) sheet.style.transform = `translateY(${share(state.at[0], rows)})`
}

function drawFrame(row, col) {
  const { picture, size } = subject()
  if (!picture) return outline(row, col, size)
  const x = -(picture.start[1] + picture.step * col)
  const y = -(picture.start[0] + picture.step * row)
  const old = models.canvas.data
  models.canvas.data = { ...old, x: [x], y: [y] }
}

// Where the object's picture is not at hand: its box.
function outline(row, col, [height, width]) {
  const pixels = new Uint32Array(1).fill(0x80808080)
  fill(models.canvas, pixels, [1, 1], [col, row, width, height])
}

async function drawPicture() {
  const { picture, frame, kind } = subject()
  $("kind").textContent = kind === "cropped" ? "the window over the photo moves" : "what the network sees"
  models.frame_x.setv({ start: 0, end: frame[1] })
  models.frame_y.setv({ start: frame[0], end: 0 })
  for (const [name, part] of [["photo", picture?.photo], ["canvas", picture?.canvas]]) {
    const source = models[name]
    if (part) {
      const bytes = await inflate(part.data)
      const [height, width] = part.size
      fill(source, new Uint32Array(bytes.buffer), [height, width], [0, 0, width, height])
    } else fill(source, new Uint32Array(1), [1, 1], [0, 0, 1, 1])
  }
}

// --- the scale that both maps share

function drawScale() {
  const { floor } = subject()
  for (const mapper of [models.left_mapper, models.right_mapper]) mapper.setv({ low: state.low, high: state.high })
  $("low").value = state.low
  $("high").value = state.high
  $("low-value").textContent = number(state.low, 2)
  $("high-value").textContent = number(state.high, 2)
  const colours = page.palettes[state.palette]
  const percent = (value) => (100 * (value - floor)) / (1 - floor)
  const stops = Array.from({ length: 17 }, (_, i) => {
    const share = i / 16
    const at = percent(state.low + share * (state.high - state.low))
    return `${colours[Math.round(share * 255)]} ${at.toFixed(2)}%`
  })
  $("bar").style.background = `linear-gradient(to right, ${colours[0]} 0%, ${stops.join(", ")}, ${colours[255]} 100%)`
  const units = [...new Set(SIDES.map((side) => layer(side).unit))]
  $("unit").textContent = units.join(" (left), ") + (units.length > 1 ? " (right)" : "")
}

function setPalette(name) {
  state.palette = name
  for (const mapper of [models.left_mapper, models.right_mapper]) mapper.palette = page.palettes[name]
  drawScale()
}

function setRange(low, high) {
  const { floor } = subject()
  state.low = clamp(low, floor, 0.98)
  state.high = clamp(high, state.low + 0.02, 1)
  drawScale()
}

function fit() {
  const values = SIDES.flatMap((side) => [...state.maps[side]]).filter((value) => !Number.isNaN(value))
  if (values.length) setRange(Math.floor(20 * smallest(values)) / 20, Math.ceil(20 * largest(values)) / 20)
}

// --- actions

// Work, and how long until it is on the screen: two frames later at most.
function timed(kind, work) {
  const start = performance.now()
  work()
  requestAnimationFrame(() => requestAnimationFrame(() => timings[kind].push(performance.now() - start)))
}

function moveTo(i, j) {
  const [rows, cols] = grid()
  state.at = [clamp(i, 0, rows - 1), clamp(j, 0, cols - 1)]
  drawPlace()
}

function anchorAt(i, j) {
  const [rows, cols] = grid()
  state.anchor = [clamp(i, 0, rows - 1), clamp(j, 0, cols - 1)]
  drawMaps()
  drawPlace()
}

let waiting = null
function pointed(name, event, x, y) {
  if (state.loading) return
  const { rows, cols } = subject()
  const i = Math.round((y - rows[0]) / rows[1])
  const j = Math.round((x - cols[0]) / cols[1])
  if (event !== "mousemove") {
    $("maps").focus({ preventScroll: true })
    timed("anchor", () => {
      state.at = [clamp(i, 0, rows[2] - 1), clamp(j, 0, cols[2] - 1)]
      anchorAt(i, j)
    })
  } else {
    if (waiting === null) requestAnimationFrame(() => {
      const [row, col] = waiting
      waiting = null
      if (state.loading) return
      if (row !== state.at[0] || col !== state.at[1]) timed("move", () => moveTo(row, col))
    })
    waiting = [i, j] // the last of the moves within a frame
  }
}

function pressed(event) {
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }
  const step = steps[event.key]
  if (state.loading || event.altKey || event.ctrlKey || event.metaKey || event.target !== $("maps")) return
  if (step) {
    const times = event.shiftKey ? 10 : 1
    timed("move", () => moveTo(state.at[0] + times * step[0], state.at[1] + times * step[1]))
  } else if (event.key === "Enter" || event.key === " ") timed("anchor", () => anchorAt(...state.at))
  else return
  event.preventDefault()
}

// --- menus

function options(select, entries, otherwise = 0) {
  const kept = select.selectedOptions[0]?.textContent
  select.replaceChildren(...entries.map(({ text, value, group }) => {
    const option = document.createElement("option")
    option.textContent = text
    option.value = value
    option.dataset.group = group ?? ""
    return option
  }))
  const same = entries.findIndex(({ text }) => text === kept)
  select.selectedIndex = same >= 0 ? same : Math.min(otherwise, entries.length - 1)
}

function offerLayers(side) {
  options($(`${side}-layer`), network(side).layers.map(({ name }, value) => ({ text: name, value })))
}

function offerNetworks() {
  const entries = subject().networks.map(({ title }, value) => ({ text: title, value }))
  for (const [index, side] of SIDES.entries()) {
    options($(`${side}-network`), entries, index)
    offerLayers(side)
  }
}

// Loading is asynchronous: one load after the other, and no pointing and no keys meanwhile.
let last = Promise.resolve()
function queued(work) {
  state.loading++
  last = last.then(work).finally(() => state.loading--)
  return last
}

// Loads what both sides need, and again what was chosen meanwhile.
async function loaded() {
  const menus = () => SIDES.flatMap((side) => [$(`${side}-network`).value, $(`${side}-layer`).value]).join()
  let before
  do {
    before = menus()
    await Promise.all(SIDES.map(load))
  } while (menus() !== before)
}

async function chosen() {
  await loaded()
  drawMaps()
  drawPlace()
  drawScale()
}

async function enter(index) {
  cache.clear()
  const lattice = ({ rows, cols }) => [...rows, ...cols].join()
  const elsewhere = !state.entered || lattice(subject()) !== lattice(page.subjects[index])
  state.entered = true
  state.subject = index
  offerNetworks()
  const { rows, cols, floor } = subject()
  const edges = (lattice) => [lattice[0] - lattice[1] / 2, lattice[0] + (lattice[2] - 0.5) * lattice[1]]
  const [left, right] = edges(cols)
  const [top, bottom] = edges(rows)
  models.x.setv({ start: left, end: right })
  models.y.setv({ start: bottom, end: top })
  for (const id of ["low", "high"]) $(id).min = floor
  $("floor").textContent = number(floor, 1)
  if (elsewhere) { // else the anchor and the place stay: two objects are compared at the same ones
    state.anchor = classic().c
    state.at = [rows[2] >> 2, cols[2] >> 2] // away from the anchor, where there is something to read
  }
  await drawPicture()
  await loaded()
  drawMaps()
  drawPlace()
  fit()
}

// Text and lines of the figures in the page's colours, light or dark.
function dress() {
  const style = getComputedStyle(document.documentElement)
  const [ink, soft] = ["--ink", "--soft"].map((name) => style.getPropertyValue(name).trim())
  for (const [index, name] of ["--left-line", "--right-line"].entries()) {
    const line_color = style.getPropertyValue(name).trim()
    for (const line of models.lines[index]) line.setv({ line_color })
  }
  for (const plot of models.plots) {
    for (const axis of [...plot.left, ...plot.right, ...plot.above, ...plot.below]) {
      if (!("axis_line_color" in axis.properties)) continue
      axis.setv({
        axis_line_color: null, major_tick_line_color: soft, major_label_text_color: soft, axis_label_text_color: ink,
      })
    }
  }
}

function connect() {
  const subjects = page.subjects.map(({ name }, value) => ({ text: name, value }))
  options($("subject"), subjects)
  $("subject").onchange = (event) => queued(() => enter(Number(event.target.value)))
  for (const side of SIDES) {
    $(`${side}-network`).onchange = () => { offerLayers(side); queued(chosen) }
    $(`${side}-layer`).onchange = () => queued(chosen)
  }
  options($("palette"), Object.keys(page.palettes).map((text) => ({ text, value: text })))
  $("palette").value = state.palette
  $("palette").onchange = (event) => setPalette(event.target.value)
  $("low").oninput = (event) => setRange(Math.min(Number(event.target.value), state.high - 0.02), state.high)
  $("high").oninput = (event) => setRange(state.low, Math.max(Number(event.target.value), state.low + 0.02))
  $("fit").onclick = () => state.loading || fit()
  for (const button of document.querySelectorAll("[data-anchor]")) {
    button.title = `anchor at the ${ANCHORS[button.dataset.anchor]}`
    button.onclick = () => {
      if (!state.loading) timed("anchor", () => anchorAt(...classic()[button.dataset.anchor]))
    }
  }
  $("maps").addEventListener("keydown", pressed)
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dress)
}

models.difference_mapper.palette = page.difference_palette
connect()
dress()
setTimeout(async () => {
  await queued(() => enter(0))
  setPalette(state.palette)
  document.documentElement.dataset.ready = ""
  timings.ready = performance.now()
}, 0)
globalThis.explorer = { page, state, timings, models, pointed }
