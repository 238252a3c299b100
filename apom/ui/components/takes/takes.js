const RUNNING = ["PENDING", "PROCESSING"];

export default function (component) {
  const here = remember(component, start);
  const { now, selected } = here.data;
  if (here.asOf !== now) { here.asOf = now; here.skew = Date.now() - Date.parse(now); }   // the server's clock rules
  draw(here);
  if (selected !== here.selected) {
    here.selected = selected;
    for (const [id, node] of here.nodes) node.classList.toggle("selected", id === selected);
    rove(here.list, here.nodes.get(selected));
  }
  return here.end;
}

function start(here) {
  here.player = el("video", { muted: true, loop: true, playsinline: true, preload: "none", disablepictureinpicture: true, tabindex: -1, "aria-hidden": "true" });
  here.player.muted = true;
  cards(here, here.root.querySelector("ul"), (card, action) => perform(here, card.dataset.id, action), (event, card) => onKey(here, event, card));
  here.list.addEventListener("pointerover", (event) => { if (event.pointerType === "mouse") play(here, event.target.closest("[data-id]")); }, here.while);
  here.list.addEventListener("pointerleave", () => play(here, null), here.while);
  every(here, 1000, () => tick(here));
  here.while.signal.addEventListener("abort", () => play(here, null));
}

/** `f` and `h` mark the take that has the focus. */
function onKey(here, event, card) {
  const action = { f: "favorite", h: "headliner" }[keyOf(event)];
  if (!action || isTaken(event)) return false;
  if (!event.repeat) perform(here, card.dataset.id, action);
  return true;
}

/** Does what a button or key says, and shows it at once. */
function perform(here, id, action) {
  const item = here.nodes.get(id).item, toggles = { favorite: item.favorite, headliner: item.headliner };
  if (!here.data.allow.includes(action) || (action in toggles && item.status !== "COMPLETED")) return;
  if (action === "open" || action === "cancel") return act(here, action, id);
  const repaint = () => draw(here);
  const on = !wished(here, `${action} ${id}`, toggles[action]);
  if (action === "headliner" && on) {      // a shot has one
    for (const [other, node] of here.nodes) if (other !== id && node.item.headliner) wish(here, `headliner ${other}`, false, repaint);
  }
  wish(here, `${action} ${id}`, on, repaint);
  draw(here);
  act(here, action, id, on);
}

function draw(here) {
  deal(here, make, (node, item) => paint(here, node, item));
  if (!here.player.isConnected || !here.nodes.has(here.playing)) play(here, null);
  tick(here);
}

function make(labels) {
  const open = el("button", { type: "button", class: "open", "data-act": "open" }, picture(), el("span", { class: "state" }));
  const tools = el("span", { class: "tools" }, tool("cancel", "cross", labels.cancel), tool("favorite", "heart", labels.favorite), tool("headliner", "star", labels.headliner));
  const length = el("span", { class: "chip length" }, icon("play"), el("span"));
  return el("li", {}, el("div", { class: "frame" }, open, length, tools), el("p", { class: "caption" }));
}

function paint(here, node, item) {
  const part = (name) => node.querySelector(name), done = item.status === "COMPLETED";
  set(node, "data-status", item.status);
  const open = part(".open");
  show(open.firstChild, item.thumb, item.placeholder, "");
  set(open, "aria-label", [item.alt, item.status_text, item.error].filter(Boolean).join(". "));
  set(open, "title", item.error);
  state(part(".state"), item);
  part(".state").hidden = done;
  part(".length").hidden = !done || item.type !== "VIDEO";
  say(part(".length span"), item.duration_s ? clock(item.duration_s) : "");
  say(part(".caption"), item.caption);
  part(".caption").hidden = !item.caption;
  const may = (action) => here.data.allow.includes(action);
  part("[data-act=cancel]").hidden = !RUNNING.includes(item.status) || !may("cancel");
  for (const action of ["favorite", "headliner"]) {
    const button = part(`[data-act=${action}]`), on = wished(here, `${action} ${item.id}`, item[action]);
    press(button, on);
    button.hidden = !done || !(may(action) || on);
    button.disabled = !may(action);
    node.classList.toggle(action, on);
  }
}

/** The state as shape and word; the message of a failure below. */
function state(node, item) {
  if (node.dataset.of !== item.status + item.status_text) {
    node.dataset.of = item.status + item.status_text;
    const word = el("span", { class: `chip ${item.status === "ATTENTION" ? "loud" : ""}` }, icon(item.status), el("span", {}, item.status_text), el("span", { class: "time" }));
    node.replaceChildren(word, el("span", { class: "why" }));
  }
  say(node.querySelector(".why"), item.error);
}

/** The time a take has been in flight. */
function tick(here) {
  for (const node of here.nodes.values()) {
    const { started_at: since, status } = node.item;
    if (since && RUNNING.includes(status)) say(node.querySelector(".time"), clock((Date.now() - here.skew - Date.parse(since)) / 1000));
  }
}

/** One silent player for the whole grid: it goes where the mouse is. */
function play(here, card) {
  const item = card?.item, id = item?.preview ? item.id : null;
  if (here.playing === id) return;
  here.playing = id;
  here.player.pause();
  here.player.removeAttribute("src");
  here.player.load();
  here.player.remove();
  if (!id || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  here.player.src = item.preview;
  card.querySelector("img").after(here.player);
  here.player.play().catch(() => {});     // the mouse has left again
}
