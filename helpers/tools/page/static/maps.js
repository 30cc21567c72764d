// The maps of the two sides and what sets them apart: loading and arithmetic, no drawing.

const cache = new Map() // data block id -> what was made of it, for one subject at a time

async function fetched(block, make) {
  if (!cache.has(block.data)) {
    const [rows, cols] = grid()
    cache.set(block.data, make(unpack(await inflate(block.data), block.k, rows, cols), rows * cols))
  }
  return cache.get(block.data)
}

const scaled = (step) => (codes) => Float32Array.from(codes, (code) => code * step)

// Loads what a side's layer and its answers need; afterwards `mapOf` and `saying` are quick.
async function load(side) {
  const chosen = layer(side)
  const needed = [chosen, kindOf(side, "answers"), kindOf(side, "map"), network(side).likely].filter(Boolean)
  for (const each of needed) {
    if (each.kind === "features") await fetched(each, (codes, p) => vectorsOf(codes, each.steps, p))
    else await fetched(each, each.kind === "answers" ? (codes) => codes : scaled(each.step))
  }
}

// The number at every position: a cosine, a probability, or 1 where the answer is right and 0 where not. Where no
// answer is right because the object's class is not among the network's, 1 is the answer at the anchor.
function mapOf(side, anchor = state.anchor) {
  const chosen = layer(side)
  const [rows, cols] = grid()
  const made = cache.get(chosen.data)
  const own = anchor[0] * cols + anchor[1]
  if (chosen.kind === "features") return cosines(made, chosen.k, own)
  if (chosen.kind === "map") return made
  if (chosen.kind === "answers") {
    const right = chosen.known ? chosen.right : made[own]
    return Float32Array.from(made.subarray(0, rows * cols), (answer) => Number(answer === right))
  }
  const plane = chosen.anchors.indexOf(classicName(anchor))
  if (plane < 0) return new Float32Array(rows * cols).fill(NaN)
  return made.slice(plane * rows * cols, (plane + 1) * rows * cols)
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length

// Right minus left, or null where one is a cosine and the other a probability or an answer.
function differenceOf({ left, right }) {
  return layer("left").unit === layer("right").unit ? right.map((value, at) => value - left[at]) : null
}

// The mean difference between horizontal neighbours, without sign, and the largest.
function roughness(values) {
  const cols = grid()[1]
  const steps = values.map((value, at) => (at % cols ? Math.abs(value - values[at - 1]) : -1)).filter((step) => step >= 0)
  return { mean: mean(steps), largest: largest(steps) }
}
