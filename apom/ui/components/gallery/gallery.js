export default function (component) {
  const here = remember(component, start);
  listen(here, `/api/projects/${here.data.project}/events`, (event) => tune(here, event));
  draw(here);
  return here.end;
}

function start(here) {
  here.shelf = shelfOf(here.data.box);
  here.size = Math.max(0, Math.min(SIZES.length - 1, kept(localStorage, "apom gallery size", 1)));
  Object.assign(here, { selected: new Set(), anchor: null, held: 0, all: null, job: null });
  startWall(here);
  startBars(here);
  listenToHands(here);
  here.fresh = here.root.querySelector(".fresh");
  here.fresh.append(icon("up"), el("span"));
  here.fresh.addEventListener("click", () => toTop(here), here.while);
  here.root.querySelector(".empty").addEventListener("click", (event) => { if (event.target.closest("button")) look(here.shelf); }, here.while);
  here.while.signal.addEventListener("abort", () => clearTimeout(here.asking));
  follow(here, here.shelf, (news) => hear(here, news));
  here.shelf.back = (id) => here.items.includes(id) && hold(here, id);
  Object.assign(here.shelf.filter, kept(sessionStorage, `apom filter ${here.shelf.box}`, {}));
  look(here.shelf);
}

/** What happens in the project: to its takes, and to a job that was ordered here. */
function tune(here, event) {
  learn(here.shelf, event);
  if (here.job && (event.job_id === here.job.id || event.type === "caught_up")) askAfter(here);
}

/** Something changed on the shelf; what was refused is said. */
function hear(here, { refused = [] }) {
  draw(here);
  const reasons = new Map();
  for (const { asset_id: id, detail } of refused) reasons.set(detail, [...reasons.get(detail) ?? [], id]);
  for (const [detail, ids] of reasons) {
    const take = ids.length === 1 && here.shelf.takes.get(ids[0]);
    notice(here, `${take ? nameOf(here, take) : counted(here.data.labels, "count", ids.length)}: ${detail}`);
  }
}

function draw(here) {
  const { shelf, data: { labels } } = here, isNew = shelf.state === "new";
  here.talk = countTalk(shelf);
  set(here.grid, "aria-label", labels.list);
  set(here.wall, "aria-busy", isNew ? "true" : null);
  hang(here, shelf.list);
  drawBars(here);
  here.fresh.hidden = !here.held;
  if (here.held) say(here.fresh.lastElementChild, counted(labels, "fresh", here.held));
  const unsaved = here.root.querySelector(".stuck");
  unsaved.hidden = !stuck(shelf);
  say(unsaved, counted(labels, "stuck", stuck(shelf)));
  drawEmpty(here);
}

/** Bones while it loads; else what to do about nothing. */
function drawEmpty(here) {
  const { shelf, data: { labels } } = here, { state, filter } = shelf, empty = here.root.querySelector(".empty");
  here.wall.classList.toggle("loading", state === "new");
  here.wall.hidden = state !== "new" && !here.items.length;
  const why = state === "failed" ? "failed" : filter.trashed ? "noTrash" : filter.type || filter.favorites || filter.rating ? "noMatch" : "none";
  const [title, hint] = labels[why];
  empty.classList.toggle("fault", state === "failed");
  teach(empty, { empty: title, hint: state === "failed" ? shelf.problem || hint : hint }, here.wall.hidden);
  if (!here.wall.hidden) return;
  if (state === "failed" && !empty.querySelector("button")) empty.append(el("button", { type: "button", class: "words" }, labels.retry));
  if (state !== "failed") empty.querySelector("button")?.remove();
}

function toTop(here) {
  here.items = [];
  const [top] = edges(here), { top: wall } = here.filters.getBoundingClientRect();
  here.scroller.scrollBy({ top: Math.min(0, here.wall.getBoundingClientRect().top - top - here.filters.offsetHeight - GAP), behavior: "instant" });
  draw(here);
  hold(here, here.items[0]);
}
