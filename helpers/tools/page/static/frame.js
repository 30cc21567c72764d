// The frame: a window of the picture's canvas, over the photo where there is one, and a ghost at the anchor.

let pieces = {} // the subject's photo and canvas, as canvases

async function drawPicture() {
  const { picture, frame: [height, width], kind, size } = subject()
  pieces = {}
  for (const name of ["photo", "canvas"]) {
    if (!picture?.[name]) continue
    const { data, size: [rows, cols] } = picture[name]
    const canvas = document.createElement("canvas")
    const pixels = new Uint32Array((await inflate(data)).buffer)
    paint(canvas, [rows, cols], (at) => pixels[at])
    pieces[name] = canvas
  }
  for (const id of ["picture", "ghost"]) Object.assign($(id), { width, height })
  $("kind").textContent = kind === "cropped" ? "the window moves over the photo" : ""
  $("object-box").classList.toggle("alone", !picture) // all there is to see
  for (const id of ["object-box", "ghost-box"]) {
    $(id).hidden = !size[0]
    Object.assign($(id).style, { width: `${(100 * size[1]) / width}%`, height: `${(100 * size[0]) / height}%` })
  }
}

function drawFrame(row, col) {
  const { frame: [height, width] } = subject()
  const context = $("picture").getContext("2d")
  context.clearRect(0, 0, width, height)
  if (pieces.photo) context.drawImage(pieces.photo, 0, 0)
  drawWindow(context, row, col)
  putBox("object-box", row, col)
}

// The part of the canvas that lies in the frame with the object at (row, col).
function drawWindow(context, row, col) {
  const { picture } = subject()
  if (!picture) return
  const { start, step } = picture
  context.drawImage(pieces.canvas, -(start[1] + step * col), -(start[0] + step * row))
}

// The object as it stood at the anchor, faint.
function placeGhost(row, col) {
  const { size, frame: [height, width] } = subject()
  const context = $("ghost").getContext("2d")
  context.clearRect(0, 0, width, height)
  if (size[0]) {
    drawWindow(context, row, col)
    putBox("ghost-box", row, col)
  }
}

function putBox(id, row, col) {
  const { frame: [height, width] } = subject()
  Object.assign($(id).style, { top: `${(100 * row) / height}%`, left: `${(100 * col) / width}%` })
}
