// Pointer and keys: the object is dragged in the frame; over a map a mouse's pointer, or a finger, moves it, too.

const LONG = 500 // ms of a press that puts the anchor
const STILL = 8 // px that a finger may move meanwhile

// Work, and how long until it is on the screen: two frames later at most.
function timed(kind, work) {
  const start = performance.now()
  work()
  requestAnimationFrame(() => requestAnimationFrame(() => timings[kind].push(performance.now() - start)))
}

function moveTo([i, j]) {
  const [rows, cols] = grid()
  state.at = [clamp(i, 0, rows - 1), clamp(j, 0, cols - 1)]
  drawPlace()
}

function anchorAt([i, j]) {
  const [rows, cols] = grid()
  state.anchor = [clamp(i, 0, rows - 1), clamp(j, 0, cols - 1)]
  drawMaps()
  drawPlace()
}

const anchorHere = () => timed("anchor", () => anchorAt(state.at))

let waiting = null
function soon(place) {
  if (waiting === null) requestAnimationFrame(() => {
    const last = waiting
    waiting = null // or it was already: a press came first
    if (last && !state.loading && last.join() !== state.at.join()) timed("move", () => moveTo(last))
  })
  waiting = place // the last of the moves within a frame
}

// The position under the pointer over a map.
function cellAt(pad, { clientX, clientY }) {
  const box = pad.getBoundingClientRect()
  const [rows, cols] = grid()
  return [Math.floor(((clientY - box.y) / box.height) * rows), Math.floor(((clientX - box.x) / box.width) * cols)]
}

// A press that stays where it is: after a while, or when a mouse lets go, it puts the anchor.
function press(pad, begin, move, clicks) {
  let from = null, later = null
  const end = () => { clearTimeout(later); from = null; pad.classList.remove("held") }
  pad.addEventListener("pointerdown", (event) => {
    if (state.loading || event.button || !event.isPrimary) return
    from = [event.clientX, event.clientY]
    pad.setPointerCapture(event.pointerId)
    pad.classList.add("held")
    begin(event)
    if (event.pointerType !== "mouse") later = setTimeout(() => {
      anchorHere()
      navigator.vibrate?.(15)
    }, LONG)
  })
  pad.addEventListener("pointermove", (event) => {
    if (state.loading || !event.isPrimary) return
    const far = from && Math.hypot(event.clientX - from[0], event.clientY - from[1]) > STILL
    if (far) {
      clearTimeout(later)
      from.moved = true
    }
    move(event, from)
  })
  pad.addEventListener("pointerup", (event) => {
    if (!event.isPrimary) return // a second finger
    if (from && !from.moved && clicks && event.pointerType === "mouse" && !state.loading) anchorHere()
    end()
  })
  pad.addEventListener("pointercancel", (event) => event.isPrimary && end())
  pad.addEventListener("contextmenu", (event) => event.preventDefault()) // a finger's long press opens none
}

function pointAtMaps() {
  for (const pad of document.querySelectorAll("[data-map]")) {
    press(
      pad,
      (event) => { waiting = null; moveTo(cellAt(pad, event)) },
      (event, from) => { if (event.pointerType === "mouse" || from) soon(cellAt(pad, event)) },
      true,
    )
  }
}

function dragInFrame() {
  const pad = $("frame")
  let grip = null // the object's place less the pointer's, in pixels of the frame
  const under = ({ clientX, clientY }) => {
    const box = pad.getBoundingClientRect()
    const [height, width] = subject().frame
    const sign = subject().kind === "cropped" ? -1 : 1 // there the photo is dragged
    return [(sign * (clientY - box.y) * height) / box.height, (sign * (clientX - box.x) * width) / box.width]
  }
  press(
    pad,
    (event) => {
      const pointer = under(event)
      const { size } = subject()
      grip = pixel(state.at).map((at, axis) => at - pointer[axis])
      const inside = grip.every((offset, axis) => offset <= 0 && -offset <= size[axis])
      if (!size[0] || inside) return
      grip = size.map((side) => -side / 2) // it jumps to the pointer
      moveTo(nearestPlace(pointer.map((at, axis) => at + grip[axis])))
    },
    (event, from) => { if (from) soon(nearestPlace(under(event).map((at, axis) => at + grip[axis]))) },
    false,
  )
  pad.addEventListener("dblclick", () => state.loading || anchorHere())
  pad.addEventListener("keydown", pressed)
}

function pressed(event) {
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }
  const step = steps[event.key]
  if (state.loading || event.altKey || event.ctrlKey || event.metaKey) return
  if (step) {
    const times = event.shiftKey ? 10 : 1
    timed("move", () => moveTo(state.at.map((at, axis) => at + times * step[axis])))
  } else if (event.key === "Enter" || event.key === " ") anchorHere()
  else return
  event.preventDefault()
}
