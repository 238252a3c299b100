// What every component script stands on. Streamlit runs the default export again on each change of data, and the
// cleanup it returned last once, at the end: what outlives a run is kept per mount.

const mounts = new WeakMap();

/** What this mount remembers. `start(here)` runs once; listeners added with `here.while` end with the mount. */
function remember(component, start) {
  let here = mounts.get(component.parentElement);
  if (!here) {
    const life = new AbortController();
    here = { root: component.parentElement, while: { signal: life.signal }, outbox: [], wishes: new Map() };
    here.end = () => { life.abort(); mounts.delete(here.root); };
    mounts.set(here.root, here);
    Object.assign(here, { component, data: component.data });
    start(here);
  }
  Object.assign(here, { component, data: component.data });          // the newest data and triggers
  here.outbox = here.outbox.filter((action) => action.n > (here.data.done ?? 0));
  return here;
}

/** What there is once on this page, whichever components use it: `make()` runs for the first. */
function shared(name, make) {
  const all = globalThis[Symbol.for("apom")] ??= new Map();
  if (!all.has(name)) all.set(name, make());
  return all.get(name);
}

/** Calls `act` every `ms` until the mount ends. */
function every(here, ms, act) {
  const timer = setInterval(act, ms);
  here.while.signal.addEventListener("abort", () => clearInterval(timer));
}

/** Sends an action, with those Python has not answered yet: of two quick triggers Streamlit may keep only the second. */
function act(here, action, id) {
  if (!here.data.allow.includes(action)) return;
  const n = Math.max(Date.now(), (here.data.done ?? 0) + 1, (here.outbox.at(-1)?.n ?? 0) + 1);
  here.outbox = here.outbox.filter((waiting) => n - waiting.n < 10_000);
  here.outbox.push({ n, action, id });
  deliver(here, n);
}

const ANSWER_MS = 1500;

/** Sends until there is an answer, for ten seconds: a trigger that meets a script which just ends may be lost. */
function deliver(here, n) {
  here.component.setTriggerValue("action", here.outbox);
  setTimeout(() => deliverAgain(here, n), ANSWER_MS);
}

/** Not while a script runs: it may be the answer, and would begin anew. */
function deliverAgain(here, n) {
  const waits = here.outbox.some((action) => action.n === n) && Date.now() - n < 10_000;
  if (!waits || here.while.signal.aborted) return;
  const isRunning = document.querySelector("[data-testid=stApp]")?.dataset.testScriptState === "running";
  if (isRunning) setTimeout(() => deliverAgain(here, n), ANSWER_MS);
  else deliver(here, n);
}

const WISH_MS = 4000;

/** Shows `value` at once: the data may catch up within four seconds, then it is right whatever it says. */
function wish(here, name, value, repaint) {
  here.wishes.set(name, value);
  setTimeout(() => { if (here.wishes.get(name) === value && here.wishes.delete(name)) repaint(); }, WISH_MS);
}

/** The wish of that name while the data has not caught up, else what the data says. */
function wished(here, name, value, same = Object.is) {
  if (here.wishes.has(name) && same(here.wishes.get(name), value)) here.wishes.delete(name);
  return here.wishes.has(name) ? here.wishes.get(name) : value;
}

/** An element. Texts and attributes only: nothing here ever reads HTML. */
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) set(node, name, value);
  node.append(...children);
  return node;
}

/** Sets an attribute if it differs; null, undefined and false take it away. */
function set(node, name, value) {
  if (value === null || value === undefined || value === false) return node.removeAttribute(name);
  const text = value === true ? "" : String(value);
  if (node.getAttribute(name) !== text) node.setAttribute(name, text);
}

/** Sets the text if it differs. */
function say(node, text) {
  if (node.textContent !== (text ?? "")) node.textContent = text ?? "";
}

/** A phrase with its {names} filled. */
function fill(phrase, values) {
  return phrase.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/** The phrase of that name in the form that the language has for `n`. */
function counted(labels, name, n) {
  const form = new Intl.PluralRules(labels.language).select(n);
  return fill(labels[name][form], { n: n.toLocaleString(labels.language) });
}

const ICONS = {
  heart: "M12 20.3 4.6 13a4.8 4.8 0 0 1 6.8-6.8l.6.6.6-.6a4.8 4.8 0 0 1 6.8 6.8z",
  star: "m12 3.6 2.5 5.3 5.8.8-4.2 4 1 5.8-5.1-2.8-5.1 2.8 1-5.8-4.2-4 5.8-.8z",
  crown: "M5 18.5h14M4.5 7l3.8 3.4L12 5l3.7 5.4L19.5 7l-1.6 8.2H6.1z",
  trash: "M4.5 7h15M9.5 7V4.5h5V7M6.5 7l.9 12.5h9.2l.9-12.5M10.3 10.5v5.5M13.7 10.5v5.5",
  restore: "M4.5 5v5h5M5 10a7.5 7.5 0 1 1-.4 4.5",
  check: "m5.5 12.5 4.3 4.3 8.7-9.3",
  keys: "M3.5 7.5a1 1 0 0 1 1-1h15a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-15a1 1 0 0 1-1-1zM7 10h.01M11 10h.01M15 10h.01M17.5 13.5h.01M6.5 13.5h.01M9.5 14h5",
  up: "M12 19V5.5M6 11l6-6 6 6",
  cross: "m6 6 12 12M18 6 6 18",
  left: "m14.5 5-7 7 7 7",
  right: "m9.5 5 7 7-7 7",
  play: "M8 5.5v13l10.5-6.5z",
  frame: "M3.5 6.5a1 1 0 0 1 1-1h15a1 1 0 0 1 1 1v11a1 1 0 0 1-1 1h-15a1 1 0 0 1-1-1zM4 16l4.5-4.5 3.5 3.5 2.5-2.5L20 18M15.5 9.2h.01",
  zoom: "M10.5 4.5a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15 15l5 5M10.5 8v5M8 10.5h5",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.3a2.7 2.7 0 1 0 0 5.4 2.7 2.7 0 0 0 0-5.4z",
  line: "M4 6.5h10M4 12h7M4 17.5h10M18 9v6.5M15.5 13l2.5 2.5 2.5-2.5",
  talk: "M4 6a1.5 1.5 0 0 1 1.5-1.5h13A1.5 1.5 0 0 1 20 6v9a1.5 1.5 0 0 1-1.5 1.5H11L6.5 20v-3.5h-1A1.5 1.5 0 0 1 4 15z",
  changes: "M17.5 4.5 20 7M4.5 19.5l1-4L16.7 4.3l3 3L8.5 18.5zM13 19.5h7",
  lock: "M6.5 10.5h11v9h-11zM8.5 10.5V8a3.5 3.5 0 0 1 7 0v2.5",
  PENDING: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4.2l2.8 1.8",
  PROCESSING: "M12 4a8 8 0 1 1-8 8",
  FAILED: "M8.5 4h7L20 8.5v7L15.5 20h-7L4 15.5v-7zM9.5 9.5l5 5M14.5 9.5l-5 5",
  CANCELLED: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM6.5 6.5l11 11",
  ATTENTION: "M12 4 2.8 19.5h18.4zM12 10v4.5M12 17v.01",
};

/** One of our icons: a shape of its own for each state, so that colour is never the only sign. */
function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  set(svg, "viewBox", "0 0 24 24");
  set(svg, "aria-hidden", "true");
  set(svg, "data-icon", name);
  set(path, "d", ICONS[name] ?? "");
  svg.append(path);
  return svg;
}

/** A round button of an icon. */
function tool(action, iconName, label) {
  return el("button", { type: "button", class: "tool", "data-act": action, "aria-label": label, title: label }, icon(iconName));
}

/** Paints a toggle. */
function press(button, on) {
  set(button, "aria-pressed", on ? "true" : "false");
}

/** Makes `list` show `items` in order by nodes kept per id, so that pictures stay loaded; returns nothing. */
function reconcile(list, nodes, items, make, paint) {
  const wanted = new Set(items.map((item) => item.id));
  for (const [id, node] of nodes) if (!wanted.has(id)) { node.remove(); nodes.delete(id); }
  let next = list.firstElementChild;
  for (const item of items) {
    let node = nodes.get(item.id);
    if (!node) { node = make(item); nodes.set(item.id, node); }
    if (node === next) next = next.nextElementSibling; else list.insertBefore(node, next);
    paint(node, item);
  }
}

const PLACEHOLDER = /^data:image\/(webp|png|jpeg);base64,[\w+/=]+$/;

/** Puts a picture into an <img>, over its tiny placeholder until it is there; no source, no picture. */
function show(img, src, placeholder, alt) {
  set(img, "alt", alt ?? "");
  img.hidden = !src;
  if (img.getAttribute("src") === (src ?? null)) return;
  img.parentElement.style.backgroundImage = PLACEHOLDER.test(placeholder ?? "") ? `url("${placeholder}")` : "";
  set(img, "data-broken", false);
  img.onload = () => { img.parentElement.style.backgroundImage = ""; };
  img.onerror = () => { img.hidden = true; img.parentElement.style.backgroundImage = ""; set(img, "data-broken", true); };
  set(img, "src", src);
}

/** An <img> that loads when it comes near the screen. */
function picture() {
  return el("img", { loading: "lazy", decoding: "async", alt: "", width: 320, height: 180, draggable: "false" });
}

/** 65 -> "1:05" */
function clock(seconds) {
  const s = Math.max(0, Math.round(seconds)), two = (x) => String(x).padStart(2, "0");
  return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

/** 65.25 -> "1:05.2" */
function time(seconds) {
  const tenths = Math.max(0, Math.round(seconds * 10 - 0.001)), s = Math.floor(tenths / 10);
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}.${tenths % 10}`;
}

const HANDLE = ".open";            // the button of a card that has the focus and opens it

/** Makes `list` a list of cards: `perform(card, action, button)` is called for the buttons, `onKey(event, card)` first for keys. */
function cards(here, list, perform, onKey = () => false) {
  const cardOf = (event) => event.target.closest("[data-id]");
  here.list = list;
  here.nodes = new Map();
  list.addEventListener("click", (event) => {
    const card = cardOf(event), missed = event.target.closest(".tools");        // beside a button: not meant to open
    const button = event.target.closest("[data-act]") ?? (missed ? null : card?.querySelector(HANDLE));
    if (button) perform(card, button.dataset.act, button);                       // a card's words open it too
  }, here.while);
  list.addEventListener("keydown", (event) => {
    if (onKey(event, cardOf(event)) || (!isTaken(event) && roam(event, list))) keep(event);
  }, here.while);
  list.addEventListener("focusin", (event) => rove(list, cardOf(event)), here.while);
}

/** The cards of the data, in order, or the empty state */
function deal(here, make, paint, items = here.data.items) {
  const { labels } = here.data;
  set(here.list, "aria-label", labels.list);
  reconcile(here.list, here.nodes, items, () => make(labels), (node, item) => { node.item = item; set(node, "data-id", item.id); paint(node, item); });
  here.list.hidden = items.length === 0;
  teach(here.root.querySelector(".empty"), labels, items.length === 0);
  rove(here.list);
}

/** What moves and what waits for somebody, on a picture. */
function badges() {
  return el("span", { class: "chips" },
    el("span", { class: "chip loud" }, icon("ATTENTION"), el("span")),
    el("span", { class: "chip active" }, icon("PROCESSING"), el("span")));
}

/** Paints the badges; returns their words. */
function count(node, { active, attention }, labels) {
  const words = { loud: attention > 1 ? `${labels.attention} · ${attention}` : labels.attention, active: `${active} ${labels.active}` };
  for (const [name, n] of [["loud", attention], ["active", active]]) {
    const chip = node.querySelector(`.${name}`);
    say(chip.lastElementChild, words[name]);
    chip.hidden = !n;
  }
  return [attention && words.loud, active && words.active];
}

/** Moves the focus among cards by the arrow keys; only one of them is in the tab order. True when it did. */
function roam(event, list) {
  const cards = [...list.children], at = cards.indexOf(event.target.closest("[data-id]"));
  const columns = getComputedStyle(list).gridTemplateColumns.split(" ").length;
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
  const to = { Home: 0, End: cards.length - 1 }[event.key] ?? (step === undefined ? -1 : at + step);
  if (at < 0 || !cards[to] || event.altKey || event.ctrlKey || event.metaKey) return false;
  cards[to].querySelector(HANDLE).focus();
  return true;
}

/** Makes the card that has the focus, else the first one, the one that Tab comes to. */
function rove(list, current) {
  const card = current ?? list.querySelector(`[data-id]:has(${HANDLE}[tabindex="0"])`) ?? list.firstElementChild;
  for (const other of list.children) for (const part of other.querySelectorAll("button")) part.tabIndex = other === card ? 0 : -1;
}

/** Whether a key press belongs to somebody who is typing, or to a player's own controls. */
function isTaken(event) {
  const target = event.composedPath()[0];
  if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || !(target instanceof Element)) return true;
  return target.closest("input, textarea, select, [contenteditable], video, [role=combobox], [role=slider], [role=radiogroup]") !== null;
}

/** This key press is ours: neither the browser nor Streamlit's shortcuts see it. */
function keep(event) {
  event.preventDefault();
  event.stopPropagation();
}

/** The key by its place on the keyboard where it is a letter: F is F on a Russian layout, too. */
function keyOf(event) {
  return /^Key[A-Z]$/.test(event.code) ? event.code[3].toLowerCase() : event.key;
}

/** The empty state: an icon, what is missing, what to do. */
function teach(node, labels, isEmpty) {
  node.hidden = !isEmpty;
  if (isEmpty && !node.firstChild) node.append(icon("frame"), el("strong"), el("span"));
  if (!isEmpty) return;
  say(node.children[1], labels.empty);
  say(node.children[2], labels.hint);
}
