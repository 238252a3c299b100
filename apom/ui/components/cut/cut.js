// The cut for the people of a project: opens over everything, plays, and leads to the shot that one sees.

Object.assign(ICONS, { away: "M9 5H5v14h14v-4M13 5h6v6M19 5l-8.5 8.5" });

const MOST_CODES = 6;

export default function (component) {
  const here = remember(component, start);
  return here.end;
}

function start(here) {
  const nothing = () => {};
  here.house = { redraw: () => drawCut(here), turned: nothing, stirred: nothing, drawn: nothing, timed: nothing, fits: nothing, looked: nothing };
  here.comments = [];                // what is said of a take stands beside it, in its shot
  here.page = here.root.querySelector("dialog");
  startTop(here);
  startPlayer(here);
  startStrip(here);
  here.page.addEventListener("close", () => { pause(here); here.parts = null; act(here, "close", here.data.room.project_id); }, here.while);
  document.addEventListener("keydown", (event) => { if (here.parts && onFilmKey(here, event, { o: () => openShot(here) })) keep(event); }, here.while);
  here.page.showModal();
  enter(here);
}

function enter(here) {
  const { room, labels } = here.data, first = room.shots.findIndex(({ take }) => take), none = here.root.querySelector(".none");
  set(here.page, "aria-label", labels.film);
  set(here.page, "data-state", first < 0 ? "bare" : "open");
  none.hidden = first >= 0;
  say(none, room.shots.length ? labels.nothing : labels.noShots);
  if (first < 0) return;
  Object.assign(here, { room, at: first });
  cutRoom(here);
  here.keys.toggle.focus();
  if (navigator.userActivation?.hasBeenActive ?? true) play(here); else drawCut(here);       // a browser lets nothing sound that nobody has touched
}

/** What it is; what is missing in it; the way to the shot, and the way out. */
function startTop(here) {
  const { room, labels } = here.data, codes = room.shots.filter(({ take }) => !take).map(({ code }) => code);
  const named = codes.slice(0, MOST_CODES).join(", ") + (codes.length > MOST_CODES ? ", …" : "");
  const without = codes.length ? fill(counted(labels, "without", codes.length), { codes: named }) : "";
  here.way = el("button", { type: "button", class: "way", title: labels.open }, el("b"), el("span"), icon("away"));
  const out = tool("close", "cross", labels.close);
  here.way.addEventListener("click", () => openShot(here));
  out.addEventListener("click", () => here.page.close());
  here.root.querySelector(".top").append(
    el("div", { class: "whole" }, el("h1", {}, room.project_name), el("p", {}, [room.facts, without].filter(Boolean).join(" · "))),
    here.way, out);
}

function openShot(here) {
  pause(here);
  act(here, "open", partOf(here).shot.box_id);
}

function drawCut(here) {
  const { shot } = partOf(here), { labels } = here.data;
  say(here.way.querySelector("b"), shot.code);
  say(here.way.querySelector("span"), shot.name);
  set(here.way, "aria-label", `${labels.open}: ${shot.code} ${shot.name}`);
  drawStrip(here);
  drawPlayer(here);
}
