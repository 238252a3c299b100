// What is drawn on the frame: a pin, a box, strokes. Places are kept in 0..1 of the picture, so they fit every screen.
// What it lies on is `here.stage`; what is looked at there says `here.scene` (remarks.js).

const PENS = [["pin", "pin"], ["box", "area"], ["strokes", "pen"]];
const LEAST = 0.01;                // a smaller box is a slip of the finger
const MOST_LINES = 20, MOST_POINTS = 400;

function startDrawing(here) {
  here.canvas = svg("svg", { class: "canvas" });
  here.stage.append(here.canvas);
  here.canvas.addEventListener("pointerdown", (event) => beginShape(here, event), here.while);
  here.canvas.addEventListener("pointermove", (event) => goOnShape(here, event), here.while);
  for (const end of ["pointerup", "pointercancel"]) here.canvas.addEventListener(end, () => endShape(here), here.while);
}

function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) set(node, name, value);
  node.append(...children);
  return node;
}

/** Takes up a pen, or lays it down. */
function takePen(here, name) {
  here.tool = here.tool === name ? null : name;
  beginDraft(here);
}

function dropDrawing(here) {
  if (!here.tool && !here.shape) return;
  Object.assign(here, { tool: null, shape: null });
  drawRegions(here);
  drawComposer(here);
}

function pointOf(here, event) {
  const box = here.canvas.getBoundingClientRect(), part = (x) => Math.round(Math.max(0, Math.min(1, x)) * 10_000) / 10_000;
  return [part((event.clientX - box.left) / box.width), part((event.clientY - box.top) / box.height)];
}

function beginShape(here, event) {
  if (!here.tool) return;
  event.preventDefault();
  here.canvas.setPointerCapture(event.pointerId);
  const [x, y] = pointOf(here, event), lines = here.shape?.kind === "strokes" ? here.shape.lines : [];
  here.draws = [x, y];
  if (here.tool === "pin") here.shape = { kind: "pin", x, y };
  if (here.tool === "box") here.shape = { kind: "box", x, y, width: 0, height: 0 };
  if (here.tool === "strokes") here.shape = { kind: "strokes", lines: [...lines.slice(0, MOST_LINES - 1), [[x, y]]] };
  drawRegions(here);
}

function goOnShape(here, event) {
  if (!here.draws || !here.shape) return;
  const [x, y] = pointOf(here, event), [fromX, fromY] = here.draws, { shape } = here;
  if (shape.kind === "pin") Object.assign(shape, { x, y });
  if (shape.kind === "box") Object.assign(shape, { x: Math.min(x, fromX), y: Math.min(y, fromY), width: tidy(Math.abs(x - fromX)), height: tidy(Math.abs(y - fromY)) });
  if (shape.kind === "strokes" && shape.lines.at(-1).length < MOST_POINTS) shape.lines.at(-1).push([x, y]);
  drawRegions(here);
}

function tidy(x) {
  return Math.round(x * 10_000) / 10_000;
}

function endShape(here) {
  if (!here.draws) return;
  here.draws = null;
  if (here.shape?.kind === "box" && (here.shape.width < LEAST || here.shape.height < LEAST)) here.shape = null;
  drawRegions(here);
  drawComposer(here);
  if (here.shape && here.shape.kind !== "strokes") here.field.focus({ preventScroll: true });
}

/** What is drawn now, else what the comment one looks at has drawn. */
function drawRegions(here) {
  if (!here.canvas || !here.frame) return;
  const { w, h } = here.frame, { shape, looksAt, scene } = here;
  set(here.canvas, "viewBox", `0 0 ${w || 1} ${h || 1}`);
  here.canvas.classList.toggle("draws", Boolean(here.tool));
  const comment = !shape && scene.isStill() && looksAt && here.comments.find(({ id }) => id === looksAt), seen = comment?.region;
  const isHere = comment && comment.asset_id === scene.seen().asset;
  here.canvas.replaceChildren(...(shape ? shapes(shape, w, h) : isHere && seen ? shapes(seen, w, h) : []));
}

/** Lies on the picture itself and not on the bars beside it: `width` and `height` are its own. */
function fitCanvas(here, width, height) {
  const box = here.stage.getBoundingClientRect(), scale = Math.min(box.width / width, box.height / height), w = width * scale, h = height * scale;
  here.frame = { x: (box.width - w) / 2, y: (box.height - h) / 2, w, h };
  Object.assign(here.canvas.style, { left: `${here.frame.x}px`, top: `${here.frame.y}px`, width: `${w}px`, height: `${h}px` });
  drawRegions(here);
}

function shapes(region, w, h) {
  if (region.kind === "pin") return [svg("circle", { cx: region.x * w, cy: region.y * h, r: 13, class: "halo" }), svg("circle", { cx: region.x * w, cy: region.y * h, r: 5, class: "spot" })];
  if (region.kind === "box") {
    const place = { x: region.x * w, y: region.y * h, width: region.width * w, height: region.height * h, rx: 3 };
    return [svg("rect", { ...place, class: "under" }), svg("rect", { ...place, class: "ink" })];
  }
  const paths = region.lines.map((line) => line.map(([x, y], i) => `${i ? "L" : "M"}${x * w} ${y * h}`).join("") + (line.length === 1 ? "h.1" : ""));
  return ["under", "ink"].flatMap((name) => paths.map((d) => svg("path", { d, class: name })));
}
