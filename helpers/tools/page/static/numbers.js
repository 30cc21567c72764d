// From the page's data blocks to maps: no drawing here.

// The bytes of a data block: base64 of a zlib stream, inflated by the browser.
async function inflate(id) {
  const text = atob(document.getElementById(`data-${id}`).textContent.trim())
  const packed = Uint8Array.from(text, (letter) => letter.charCodeAt(0))
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

// Int16 codes, k planes of rows x cols: compress.to_bytes undone (low bytes, high bytes; signs folded; what is
// left over the mean of the neighbours to the left and above).
function unpack(bytes, k, rows, cols) {
  const count = k * rows * cols
  const codes = new Int16Array(count)
  for (let start = 0; start < count; start += cols) {
    const first = start % (rows * cols) === 0
    let left = 0
    for (let at = start; at < start + cols; at++) {
      const folded = bytes[at] | (bytes[count + at] << 8)
      const above = first ? 0 : codes[at - cols]
      codes[at] = ((folded >>> 1) ^ -(folded & 1)) + ((left + above) >> 1) // wraps, as it did on the way in
      left = codes[at]
    }
  }
  return codes
}

// Codes (k planes of p positions) times their planes' steps: vectors, one position after the other.
function vectorsOf(codes, steps, p) {
  const k = steps.length
  const vectors = new Float32Array(k * p)
  for (let axis = 0; axis < k; axis++) {
    for (let at = 0; at < p; at++) vectors[at * k + axis] = codes[axis * p + at] * steps[axis]
  }
  return vectors
}

// The cosine of every position with the anchor's: see compress.Packed.
function cosines(vectors, k, anchor) {
  const p = vectors.length / k
  const map = new Float32Array(p)
  const own = vectors.subarray(anchor * k, (anchor + 1) * k)
  for (let at = 0, start = 0; at < p; at++, start += k) {
    let sum = 0
    for (let axis = 0; axis < k; axis++) sum += own[axis] * vectors[start + axis]
    map[at] = Math.min(1, Math.max(-1, sum))
  }
  map[anchor] = 1
  return map
}

// Per row its mean over columns, and per column its mean over rows.
function profiles(map, rows, cols) {
  const down = new Array(rows).fill(0)
  const across = new Array(cols).fill(0)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) {
      down[i] += map[i * cols + j] / cols
      across[j] += map[i * cols + j] / rows
    }
  }
  return { rows: down, cols: across }
}

function smallest(values) {
  return values.reduce((low, value) => (value < low ? value : low), Infinity)
}

function largest(values) {
  return values.reduce((high, value) => (value > high ? value : high), -Infinity)
}

// The next 1, 2 or 5 times a power of ten: a difference's limit that seldom jumps.
function niceLimit(value) {
  if (!(value > 1e-9)) return 1e-3
  const power = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 5, 10].map((step) => step * power).find((limit) => limit >= value)
}
