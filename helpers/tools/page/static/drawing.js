// Pixels, lines and words. A map is a canvas of one pixel per position, which the style sheet enlarges.

const palettes = new Map() // name -> its colours as canvas pixels
const UNKNOWN = "#9e9e9e"

const rgba = (hex) => (0xff000000 | parseInt(hex.slice(5, 7), 16) << 16 | parseInt(hex.slice(3, 5), 16) << 8 |
  parseInt(hex.slice(1, 3), 16)) >>> 0 // bytes red, green, blue, alpha in memory

function paletteOf(name, colours) {
  if (!palettes.has(name)) palettes.set(name, Uint32Array.from(colours, rgba))
  return palettes.get(name)
}

function paint(canvas, [rows, cols], colourOf) {
  canvas.width = cols
  canvas.height = rows
  const image = new ImageData(cols, rows)
  const pixels = new Uint32Array(image.data.buffer)
  for (let at = 0; at < pixels.length; at++) pixels[at] = colourOf(at)
  canvas.getContext("2d").putImageData(image, 0, 0)
}

function paintValues(canvas, values, colours, low, high) {
  const unknown = rgba(UNKNOWN)
  const last = colours.length - 1
  paint(canvas, grid(), (at) => {
    const value = values[at]
    return Number.isNaN(value) ? unknown : colours[clamp(Math.round((last * (value - low)) / (high - low)), 0, last)]
  })
}

function paintClasses(panel, { codes, colours, legend }) {
  const table = colours.map(rgba)
  paint($(`${panel}-map`), grid(), (at) => table[codes[at]])
  $(`${panel}-note`).replaceChildren(...legend.map(([word, colour, share]) => {
    const entry = document.createElement("span")
    const swatch = document.createElement("i")
    swatch.style.background = colour
    entry.className = "swatch"
    entry.append(swatch, `${word} `, Object.assign(document.createElement("b"), { textContent: percent(share) }))
    return entry
  }))
}

// --- the maps

function drawMaps() {
  state.anchor = possibleAnchor(state.anchor)
  for (const side of SIDES) state.maps[side] = mapOf(side)
  state.maps.difference = differenceOf(state.maps)
  paintMaps()
  drawProfiles()
  const [i, j] = state.anchor
  const [row, col] = pixel(state.anchor)
  setPlace("anchor", i, j)
  for (const button of document.querySelectorAll("[data-anchor]")) {
    button.setAttribute("aria-pressed", button.dataset.anchor === classicName(state.anchor))
  }
  $("anchor-place").textContent = `row ${row}, column ${col}`
  placeGhost(row, col)
  drawStory()
}

function paintMaps() {
  const others = ranked()
  const colours = paletteOf(state.palette, page.palettes[state.palette])
  for (const side of SIDES) {
    const chosen = layer(side)
    if (chosen.kind === "answers") paintClasses(side, classes(side, others))
    else {
      const values = state.maps[side]
      paintValues($(`${side}-map`), values, colours, state.low, state.high)
      const limited = chosen.kind === "anchors" ? ` · ${chosen.note}` : ""
      $(`${side}-note`).textContent = `mean ${number(mean(values), 2)}, lowest ${number(smallest(values), 2)}${limited}`
    }
  }
  paintDifference()
}

function paintDifference() {
  const { difference } = state.maps
  const both = SIDES.every((side) => layer(side).kind === "answers")
  $("difference-kind").textContent = both ? "Who is right?" : difference ? "B minus A" : "No difference:"
  if (both) {
    if (SIDES.some((side) => !layer(side).known)) $("difference-kind").textContent = "The same answer?"
    paintClasses("difference", agreement(state.maps))
  } else if (difference) {
    const limit = niceLimit(largest(difference.map(Math.abs)))
    paintValues($("difference-map"), difference, paletteOf("difference", page.difference_palette), -limit, limit)
    const ends = [-limit, limit].map((end) => signed(end, limit < 0.01 ? 3 : 2))
    $("difference-note").replaceChildren(ends[0], Object.assign(document.createElement("i"), { className: "ramp" }), ends[1])
  } else {
    paint($("difference-map"), grid(), () => rgba(UNKNOWN))
    $("difference-note").textContent = `B is a ${layer("right").unit}, A a ${layer("left").unit}.`
  }
}

// The means along each edge: a side's own line strong, the other's thin, both on one range.
function drawProfiles() {
  const [rows, cols] = grid()
  const found = Object.fromEntries(SIDES.map((side) => [side, profiles(state.maps[side], rows, cols)]))
  const comparable = layer("left").unit === layer("right").unit
  for (const side of SIDES) {
    const shown = comparable ? SIDES : [side]
    const all = shown.flatMap((each) => [...found[each].rows, ...found[each].cols])
    const low = smallest(all), high = Math.max(largest(all), low + 1e-3)
    const share = (value) => (0.06 + 0.88 * (value - low) / (high - low)).toFixed(4)
    for (const each of SIDES) {
      const put = (edge, count, point) => {
        const points = found[each][edge].map((value, at) => point(share(value), (at + 0.5) / count)).join(" ")
        $(`${side}-${edge}`).querySelector(`.${each}`).setAttribute("points", shown.includes(each) ? points : "")
      }
      put("rows", rows, (value, at) => `${value},${at}`)
      put("cols", cols, (value, at) => `${at},${1 - value}`)
    }
    $(`${side}-lowest`).textContent = number(low, 2)
    $(`${side}-highest`).textContent = number(high, 2)
  }
}

// --- the place of the object

// The middle of a position's cell as a share of the map's sides: the style sheet puts lines and rings there.
function setPlace(name, i, j) {
  const [rows, cols] = grid()
  $("stage").style.setProperty(`--${name}-y`, (i + 0.5) / rows)
  $("stage").style.setProperty(`--${name}-x`, (j + 0.5) / cols)
}

function drawPlace() {
  const [i, j] = state.at
  const [row, col] = pixel(state.at)
  setPlace("at", i, j)
  drawFrame(row, col)
  const at = i * grid()[1] + j
  for (const side of SIDES) {
    const { kind, unit } = layer(side)
    $(`${side}-value`).textContent = kind === "answers" ? "" : `${unit} ${number(state.maps[side][at])}`
    drawSaying(side)
  }
  const { difference } = state.maps
  const numeric = difference && layer("left").kind !== "answers"
  $("difference-value").textContent = numeric ? signed(difference[at], 3) : ""
  $("place").textContent = `row ${row}, column ${col}`
  announce()
  writeAddress()
}

// --- the scale that both maps share

// Where the scale begins: a round number under all values of the layers in view, whatever the anchor.
function lowestShown() {
  const lowest = Math.min(...SIDES.map((side) => layer(side).lowest))
  return clamp(Math.floor(10 * lowest) / 10, -1, 0.9)
}

function drawScale() {
  const floor = lowestShown()
  for (const id of ["low", "high"]) $(id).min = floor
  $("floor").textContent = number(floor, 1)
  $("low").value = state.low
  $("high").value = state.high
  $("low-value").textContent = number(state.low, 2)
  $("high-value").textContent = number(state.high, 2)
  const colours = page.palettes[state.palette]
  const place = (value) => (100 * (value - floor)) / (1 - floor)
  const stops = Array.from({ length: 17 }, (_, i) => {
    const share = i / 16
    return `${colours[Math.round(share * 255)]} ${place(state.low + share * (state.high - state.low)).toFixed(2)}%`
  })
  $("bar").style.background = `linear-gradient(to right, ${colours[0]} 0%, ${stops.join(", ")}, ${colours[255]} 100%)`
  const scaled = SIDES.map(layer).filter(({ kind }) => kind !== "answers")
  $("unit").textContent = [...new Set(scaled.map(({ unit }) => unit))].join(" and ")
  $("scale").classList.toggle("unused", !scaled.length)
}

function setPalette(name) {
  state.palette = name
  if (state.loading) return // drawn when it is there
  paintMaps()
  drawScale()
}

function setRange(low, high) {
  const floor = lowestShown()
  state.low = clamp(low, floor, 0.98)
  state.high = clamp(high, state.low + 0.02, 1)
  paintMaps()
  drawScale()
}

function fit() {
  const scaled = SIDES.filter((side) => layer(side).kind !== "answers")
  const values = scaled.flatMap((side) => [...state.maps[side]]).filter((value) => !Number.isNaN(value))
  if (values.length) setRange(Math.floor(20 * smallest(values)) / 20, Math.ceil(20 * largest(values)) / 20)
  else drawScale()
}
