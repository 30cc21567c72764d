// Menus, layout, and what happens when something else is chosen or the address changes.

function options(select, entries, { wanted, otherwise = 0 } = {}) {
  const kept = select.selectedOptions[0]?.dataset.key
  const groups = new Map()
  const made = entries.map(({ text, key = text, group = "" }, value) => {
    const option = new Option(text, value)
    option.dataset.key = key
    if (!groups.has(group)) groups.set(group, group ? Object.assign(document.createElement("optgroup"), { label: group }) : select)
    return [option, groups.get(group)]
  })
  select.replaceChildren(...[...groups.values()].filter((group) => group !== select))
  for (const [option, group] of made) group.append(option)
  const named = (name) => entries.findIndex(({ text, key = text }) => key === name)
  const found = [wanted, kept].map(named).find((index) => index >= 0)
  select.value = found ?? Math.min(otherwise, entries.length - 1)
}

function offerLayers(side, wanted) {
  $(`${side}-network`).title = network(side).title // a narrow menu cuts it off
  const entries = network(side).layers.map(({ name, key }) => ({ text: name, key }))
  // With one network, its answers and its similarity.
  const alone = side === "right" && subject().networks.length === 1
  const otherwise = alone ? Math.max(0, network(side).layers.findIndex(({ unit }) => unit === "cosine similarity")) : 0
  options($(`${side}-layer`), entries, { wanted, otherwise })
}

function offerNetworks(wanted) {
  const entries = subject().networks.map(({ title }) => ({ text: title }))
  for (const [index, side] of SIDES.entries()) {
    options($(`${side}-network`), entries, { wanted: wanted[side], otherwise: index })
    offerLayers(side, wanted[`${side}-layer`])
  }
}

// Loading is asynchronous: one load after the other, and no pointing and no keys meanwhile.
let last = Promise.resolve()
function queued(work) {
  state.loading++
  last = last.catch(() => {}).then(work).finally(() => state.loading--).then(() => state.loading || writeAddress())
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
  redraw()
}

function redraw() {
  drawMaps()
  fit()
  drawPlace()
  drawGlossary()
}

// Shows what an address names; what it does not name, or wrongly, stays as it is.
async function show(wanted) {
  const named = page.subjects.findIndex(({ name }) => name === wanted.object)
  const index = named >= 0 ? named : Math.max(0, state.subject)
  const lattice = ({ rows, cols }) => [...rows, ...cols].join()
  const elsewhere = state.subject < 0 || lattice(subject()) !== lattice(page.subjects[index])
  if (index !== state.subject) {
    cache.clear()
    state.subject = index
    $("subject").value = index
    const [row, col] = pixel(grid().map((count) => count - 1))
    for (const [axis, end] of [["rows", row], ["cols", col]]) {
      for (const mark of document.querySelectorAll(`[data-last=${axis}]`)) mark.textContent = end
    }
    await drawPicture()
  }
  offerNetworks(wanted)
  await loaded()
  if (elsewhere) { // else the anchor and the place stay: two objects are compared at the same ones
    const { rows, cols } = subject()
    state.anchor = classic().c
    state.at = [rows[2] >> 2, cols[2] >> 2] // away from the anchor, where there is something to read
  }
  for (const key of ["anchor", "at"]) {
    const place = pair(wanted[key])
    if (place) state[key] = nearestPlace(place)
  }
  redraw()
}

// Frame and maps as large as the window allows, all in view together.
function layout() {
  const stage = $("stage")
  const { clientWidth: width } = stage
  const columns = width >= 1100 ? 4 : width >= 780 ? 3 : width >= 500 ? 2 : 1
  document.documentElement.dataset.columns = columns
  const [gap, around] = [8, 62] // px: between cards, and what a card has beside its map
  let side = Math.floor((width - gap * (columns - 1)) / columns) - around
  stage.style.setProperty("--side", `${side}px`)
  const over = stage.getBoundingClientRect().bottom + scrollY + 6 - innerHeight
  if (over > 0) side -= Math.ceil(over / (columns === 1 ? 2 : 1))
  stage.style.setProperty("--side", `${Math.max(side, 96)}px`)
}

function connect() {
  options($("subject"), page.subjects.map(({ name, group }) => ({ text: name, group })))
  $("subject").onchange = (event) => queued(() => show({ object: page.subjects[event.target.value].name }))
  for (const side of SIDES) {
    $(`${side}-network`).onchange = () => { offerLayers(side); queued(chosen) }
    $(`${side}-layer`).onchange = () => queued(chosen)
  }
  options($("palette"), Object.keys(page.palettes).map((text) => ({ text })))
  $("palette").onchange = (event) => setPalette(event.target.selectedOptions[0].text)
  $("low").oninput = (event) => state.loading || setRange(Math.min(Number(event.target.value), state.high - 0.02), state.high)
  $("high").oninput = (event) => state.loading || setRange(state.low, Math.max(Number(event.target.value), state.low + 0.02))
  $("fit").onclick = () => state.loading || fit()
  $("here").onclick = () => state.loading || anchorHere()
  for (const button of document.querySelectorAll("[data-anchor]")) {
    button.title = `anchor at the ${ANCHORS[button.dataset.anchor]}`
    button.onclick = () => {
      if (!state.loading) timed("anchor", () => anchorAt(classic()[button.dataset.anchor]))
    }
  }
  for (const tab of document.querySelectorAll("[name=view]")) tab.onchange = () => { $("stage").dataset.view = tab.value }
  offerPresets()
  pointAtMaps()
  dragInFrame()
  addEventListener("hashchange", () => queued(() => show(readAddress())))
  addEventListener("resize", layout)
  const heights = new ResizeObserver(layout) // of words over the stage that take more lines, or fewer
  for (const part of document.querySelectorAll("main > :not(#stage, footer)")) heights.observe(part)
}

connect()
layout()
queued(async () => {
  await show(readAddress())
  layout()
}).then(() => {
  document.documentElement.dataset.ready = ""
  timings.ready = performance.now()
})
globalThis.explorer = { page, state, timings, PRESETS, mapOf }
