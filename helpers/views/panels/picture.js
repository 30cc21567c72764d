// A picture that tells where it is pressed and dragged over, how wide it may be, and how fine the screen is.
// A press on the way to the kernel is waited for, and only the latest place is sent after it: dragging never queues.
function render({ model, el }) {
  const image = document.createElement("img");
  image.className = "shift-picture";
  image.draggable = false;
  el.append(image);

  let url = null;
  const show = () => {
    const old = url;
    url = URL.createObjectURL(new Blob([model.get("png")], { type: "image/png" }));
    image.onload = () => old && URL.revokeObjectURL(old);
    image.src = url;
    image.width = model.get("shown");
    image.alt = model.get("alt");
  };

  let under_way = false, start = null, anchor = false; // of the press: where it began, and whether with Shift
  const waiting = []; // the latest place of each press
  const send = () => {
    if (under_way || !waiting.length) return;
    model.send(waiting.shift());
    under_way = true;
  };
  const tell = (event) => {
    const box = image.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width, y = (event.clientY - box.top) / box.height;
    start ??= [x, y];
    if (waiting.at(-1)?.start === start) waiting.pop();
    waiting.push({ x, y, start, anchor });
    send();
  };
  const answered = () => {
    under_way = false;
    send();
  };
  image.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault(); // no selection by Shift
    image.setPointerCapture(event.pointerId);
    start = null;
    anchor = event.shiftKey;
    tell(event);
  });
  image.addEventListener("pointermove", (event) => start && tell(event));
  for (const end of ["pointerup", "pointercancel"]) image.addEventListener(end, () => { start = null; });

  let timer = null;
  const measure = () => {
    const width = Math.floor(el.clientWidth), ratio = Math.min(2, window.devicePixelRatio || 1);
    if (!width || (width === model.get("width") && ratio === model.get("ratio"))) return;
    model.set({ width, ratio });
    model.save_changes();
  };
  const sized = new ResizeObserver(() => { clearTimeout(timer); timer = setTimeout(measure, 120); });
  sized.observe(el);

  model.on("change:png", show);
  model.on("msg:custom", answered);
  show();
  return () => {
    sized.disconnect();
    clearTimeout(timer);
    model.off("change:png", show);
    model.off("msg:custom", answered);
    URL.revokeObjectURL(url);
  };
}
export default { render };
