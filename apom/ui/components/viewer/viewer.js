const KEYS = { Escape: "close", ArrowLeft: "prev", ArrowRight: "next", f: "favorite", h: "headliner", z: "zoom" };

export default function (component) {
  const here = remember(component, start);
  const { item, preload } = here.data;
  if (here.shown !== item.id + item.url) { here.shown = item.id + item.url; here.stage.replaceChildren(media(here, item)); }
  for (const url of preload) new Image().src = url;
  draw(here);
  return here.end;
}

function start(here) {
  const { labels } = here.data;
  here.view = here.root.querySelector(".viewer");
  here.stage = here.root.querySelector(".stage");
  here.title = el("span", { class: "title" });
  here.tools = Object.fromEntries([["prev", "left"], ["next", "right"], ["zoom", "zoom"], ["favorite", "heart"], ["headliner", "star"], ["close", "cross"]]
    .map(([action, iconName]) => [action, tool(action, iconName, labels[action])]));
  const { prev, next, ...rest } = here.tools;
  here.root.querySelector(".bar").append(prev, next, here.title, ...Object.values(rest));
  here.view.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]");
    if (button) perform(here, button.dataset.act, event);
  }, here.while);
  // The whole page listens: while one looks at a take, the arrow keys mean the take, wherever the focus was left.
  document.addEventListener("keydown", (event) => {
    const action = KEYS[keyOf(event)];
    if (!action || isTaken(event)) return;
    if (!event.repeat || action === "prev" || action === "next") perform(here, action, event);
    keep(event);
  }, here.while);
  here.while.signal.addEventListener("abort", () => here.stage.querySelector("video")?.pause());
  here.view.focus({ preventScroll: true });
}

function perform(here, action, event) {
  const { item, allow } = here.data;
  if (action === "zoom") return zoom(here, event);
  if (!allow.includes(action)) return;
  if (action !== "favorite" && action !== "headliner") return act(here, action, item.id);
  if (item.status !== "COMPLETED") return;
  const on = !wished(here, `${action} ${item.id}`, item[action]);
  wish(here, `${action} ${item.id}`, on, () => draw(here));
  draw(here);
  act(here, action, item.id, on);
}

function draw(here) {
  const { item, allow, position } = here.data;
  set(here.view, "aria-label", item.alt);
  here.title.replaceChildren(el("strong", {}, item.alt), el("span", {}, position));
  for (const [action, button] of Object.entries(here.tools)) if (action !== "zoom") button.disabled = !allow.includes(action);
  here.tools.zoom.hidden = !item.url || item.type === "VIDEO";
  for (const action of ["favorite", "headliner"]) {
    press(here.tools[action], wished(here, `${action} ${item.id}`, item[action]));
    here.tools[action].disabled ||= item.status !== "COMPLETED";
  }
}

/** A picture, a player, or the state of what is neither yet. */
function media(here, item) {
  here.stage.className = "stage";
  if (!item.url) return el("div", { class: "none" }, el("span", { class: `chip ${item.status === "ATTENTION" ? "loud" : ""}` }, icon(item.status), item.status_text), el("span", { class: "why" }, item.error ?? ""));
  if (item.type === "VIDEO") return el("video", { src: item.url, poster: item.thumb, controls: true, loop: true, playsinline: true, preload: "metadata", "aria-label": item.alt });
  const box = el("button", { type: "button", class: "picture", "data-act": "zoom", "aria-label": here.data.labels.zoom }), img = el("img", { decoding: "async", draggable: "false" });
  if (item.width) img.style.setProperty("--own-width", `${item.width}px`);     // known before the picture is here
  box.append(img);
  show(img, item.url, item.placeholder, item.alt);
  return box;
}

/** Between the whole picture and its own pixels, around the point that was clicked. */
function zoom(here, event) {
  const img = here.stage.querySelector("img");
  if (!img) return;
  const before = img.getBoundingClientRect(), byMouse = event.clientX > 0;
  const x = byMouse ? (event.clientX - before.left) / before.width : 0.5, y = byMouse ? (event.clientY - before.top) / before.height : 0.5;
  const close = here.stage.classList.toggle("close");
  press(here.tools.zoom, close);
  if (close) here.stage.scrollTo(x * img.offsetWidth - here.stage.clientWidth / 2, y * img.offsetHeight - here.stage.clientHeight / 2);
}
