// The cut as one film: clips by their trims, pictures for as long as they stand. Two players take turns, so that the next
// clip is there when it is wanted. It plays `here.room`: {shots, soundtrack, fps, round_number, can_download}, and calls
// `here.house`, whoever that is:
//   redraw()          all of it anew
//   turned()          another shot is looked at
//   stirred()         the picture begins to move, or another one lies over it
//   drawn(), timed()  the player was drawn, or only where it is
//   fits(w, h)        the picture's own size, for what lies on it
//   looked(id)        somebody went to that shot

Object.assign(ICONS, {
  pause: "M8.5 5.5v13M15.5 5.5v13",
  before: "M6 5.5v13M18.5 5.5v13L9 12z",
  after: "M18 5.5v13M5.5 5.5v13L15 12z",
  sound: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11",
  mute: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5",
  full: "M4.5 9V4.5H9M15 4.5h4.5V9M19.5 15v4.5H15M9 19.5H4.5V15",
  compare: "M12 3.5v17M4 6.5h5v11H4zM15 6.5h5v11h-5z",
  loop: "M17 3.5 20 6.5l-3 3M4 11V9a2.5 2.5 0 0 1 2.5-2.5H20M7 20.5l-3-3 3-3M20 13v2a2.5 2.5 0 0 1-2.5 2.5H4",
  load: "M12 4v10.5M7.5 10.5 12 15l4.5-4.5M5 19.5h14",
});

const STILL_S = 3;                 // a picture without a length of its own
const END_S = 0.03;                // a clip's end is not hit more exactly than that
const STRAY_S = 0.25;              // the soundtrack may be that far from the picture before it jumps

function startPlayer(here) {
  const { labels } = here.data;
  Object.assign(here, { room: null, at: 0, mode: "cut", isMuted: false, compares: false });
  here.stage = here.root.querySelector(".stage");
  here.screens = here.root.querySelector(".screens");
  here.films = [0, 1].map(() => el("video", { playsinline: true, preload: "auto", disablepictureinpicture: true }));
  here.song = el("audio", { preload: "auto" });
  here.still = el("img", { alt: "", decoding: "async", draggable: "false" });
  here.wipe = el("div", { class: "wipe", hidden: true });
  here.screens.append(...here.films, here.still, here.wipe);
  here.keys = Object.fromEntries([["before", "before"], ["toggle", "play"], ["after", "after"], ["loop", "loop"], ["compare", "compare"], ["mute", "sound"], ["full", "full"]].map(([name, shape]) => [name, tool(name, shape, labels[name])]));
  here.big = el("button", { type: "button", class: "big", "aria-label": labels.toggle }, icon("play"));
  here.stage.append(here.big);
  here.clockText = el("span", { class: "clock" });
  const { before, toggle: play, after, loop, compare, mute: sound, full } = here.keys;
  here.root.querySelector(".keys").append(before, play, after, here.clockText, el("span", { class: "space" }), loop, compare, sound, full);
  startScrub(here);
  here.root.querySelector(".watch").addEventListener("click", (event) => onPlayerClick(here, event), here.while);
  for (const film of here.films) {
    film.addEventListener("loadedmetadata", () => { seekFilm(here); fit(here); }, here.while);
    film.addEventListener("canplay", () => { if (film === here.film) fetchNext(here); }, here.while);
    film.addEventListener("error", () => { if (film === here.film) drawPlayer(here); }, here.while);
  }
  here.still.addEventListener("load", () => fit(here), here.while);
  new ResizeObserver(() => fit(here)).observe(here.stage);
  const tick = (now) => { if (here.while.signal.aborted) return; run(here, now); requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
  here.while.signal.addEventListener("abort", () => stopPlayer(here));
}

function onPlayerClick(here, event) {
  const name = event.target.closest("[data-act]")?.dataset.act;
  const deeds = { before: () => step(here, -1), after: () => step(here, 1), toggle: () => toggle(here), loop: () => setMode(here, here.mode === "cut" ? "shot" : "cut"), compare: () => setCompare(here, !here.compares), mute: () => mute(here), full: () => fullscreen(here) };
  if (name) return deeds[name]?.();
  if (event.target.closest(".big") || (event.target.closest(".screens") && !here.tool && !here.compares)) toggle(here);
}

/** The cut, worked out anew from the room. */
function cutRoom(here) {
  let start = 0;
  here.parts = here.room.shots.map((shot) => {
    const length = lengthOf(shot), part = { shot, start, length };
    start += length;
    return part;
  });
  here.length = start;
  set(here.song, "src", here.room.soundtrack?.file_url ?? null);
  here.local = Math.min(here.local ?? 0, here.parts[here.at]?.length ?? 0);
  putOn(here);
}

function lengthOf(shot) {
  if (!shot.take) return 0;
  if (!isFilm(shot)) return shot.duration_s || STILL_S;
  const [from, to] = trimOf(shot);
  return to - from;
}

/** From where to where in its clip; all of it where the trims were another clip's. */
function trimOf({ take, in_s: from, out_s: to }) {
  const whole = take?.duration_s || STILL_S, start = from ?? 0, end = Math.min(to ?? whole, whole);
  return end > start ? [start, end] : [0, whole];
}

function partOf(here) {
  return here.parts[here.at];
}

function isFilm({ take }) {
  return take?.asset_type === "VIDEO";
}

/** Shows the shot one is at, and fetches the next one. */
function putOn(here) {
  const { shot } = partOf(here), url = shot.take?.file_url ?? null;
  if (here.shows === url && here.showsAt === shot.box_id) return;
  Object.assign(here, { shows: url, showsAt: shot.box_id });
  here.screens.style.backgroundImage = "";
  if (isFilm(shot)) {
    let film = here.films.find((each) => each.getAttribute("src") === url);
    film ??= here.films.find((each) => each !== here.film) ?? here.films[0];
    if (here.film && here.film !== film) here.film.pause();
    here.film = film;
    set(film, "poster", shot.take.thumbnail_url);
    set(film, "src", url);
    film.muted = here.isMuted;
    seekFilm(here);
    if (here.plays) playFilm(here);
  } else {
    here.film?.pause();
    here.film = null;
    show(here.still, url, shot.take?.placeholder, shot.name);
  }
  for (const each of here.films) each.hidden = each !== here.film;
  here.still.hidden = Boolean(here.film) || !url;
  here.screens.classList.toggle("blank", !url);
  if (!here.film || here.film.readyState > 1) fetchNext(here);       // else when this one is there: it comes first
  fit(here);
}

/** The next clip or picture, so that it is there when this one ends. */
function fetchNext(here) {
  const next = here.parts.slice(here.at + 1).find(({ shot }) => shot.take);
  if (!next) return;
  const { take } = next.shot;
  if (isFilm(next.shot)) {
    const free = here.films.find((each) => each !== here.film);
    if (free) set(free, "src", take.file_url);
  } else new Image().src = take.file_url;
}

function seekFilm(here) {
  if (!here.film || !here.parts) return;
  const to = trimOf(partOf(here).shot)[0] + here.local;
  if (here.film.readyState > 0 && Math.abs(here.film.currentTime - to) > 0.01) here.film.currentTime = to;
}

/** To a moment of a shot, in seconds from its trim. */
function seek(here, index, local) {
  here.at = index;
  here.local = Math.max(0, Math.min(local, partOf(here).length));
  putOn(here);
  seekFilm(here);
  drawPlayer(here);
}

function seekCut(here, time) {
  const index = here.parts.findLastIndex(({ start, length }) => length && time >= start), before = here.at;
  seek(here, Math.max(0, index), time - here.parts[Math.max(0, index)].start);
  if (before === here.at) return;
  here.house.turned();
  here.house.redraw();
}

function nudge(here, by) {
  pause(here);
  here.mode === "cut" ? seekCut(here, partOf(here).start + here.local + by) : seek(here, here.at, here.local + by);
}

function toggle(here) {
  here.plays ? pause(here) : play(here);
}

function play(here) {
  const part = partOf(here);
  if (!here.length) return;
  const isOver = here.local >= part.length - END_S && (here.mode === "shot" || here.at >= lastPart(here));
  here.plays = true;
  here.began = true;
  here.house.stirred();
  if (isOver) seek(here, here.mode === "shot" ? here.at : here.parts.findIndex(({ length }) => length), 0);
  if (here.film) playFilm(here);
  here.house.redraw();
}

function lastPart(here) {
  return here.parts.findLastIndex(({ length }) => length);
}

async function playFilm(here) {
  const { film } = here;
  try { await film.play(); } catch (problem) {
    if (problem.name !== "NotAllowedError" || here.film !== film) return;
    here.isMuted = film.muted = true;                 // a browser that wants a finger for sound gets a silent film
    film.play().catch(() => pause(here));
    drawPlayer(here);
  }
}

function pause(here) {
  if (!here.plays) return;
  here.plays = false;
  here.film?.pause();
  here.song.pause();
  drawPlayer(here);
}

function stopPlayer(here) {
  here.plays = false;
  for (const film of [...here.films, here.song]) { film.pause(); film.removeAttribute("src"); film.load(); }
  here.still.removeAttribute("src");
  here.rival?.pause?.();
  for (const film of here.films) film.removeAttribute("poster");
  Object.assign(here, { film: null, shows: null });
}

/** One picture of the screen: how far the film is, and over to the next shot. */
function run(here, now) {
  const past = Math.min(0.25, (now - (here.then ?? now)) / 1000);
  here.then = now;
  if (!here.plays || !here.parts) return;
  const part = partOf(here);
  if (here.film && !here.film.error) here.local = here.film.readyState > 1 ? here.film.currentTime - trimOf(part.shot)[0] : here.local;
  else here.local += past;                            // a clip that cannot be shown does not hold up the film
  if (here.local >= part.length - END_S || here.film?.ended) goOn(here);
  keepSong(here);
  drawTime(here);
  keepPace(here);
}

/** The soundtrack goes on under the whole cut, beside the clips' own sound; it waits where a clip does. */
function keepSong(here) {
  const { song, film } = here, at = partOf(here).start + here.local;
  const isHeard = here.plays && here.mode === "cut" && song.hasAttribute("src") && !(at >= song.duration) && !(film && !film.error && film.readyState < 3);
  song.muted = here.isMuted;
  if (!isHeard) return song.pause();
  if (Math.abs(song.currentTime - at) > STRAY_S) song.currentTime = at;
  if (song.paused) song.play().catch(() => {});
}

function goOn(here) {
  const next = here.parts.findIndex(({ length }, i) => i > here.at && length);
  if (here.mode === "shot") return seek(here, here.at, 0), here.film && playFilm(here);
  if (next < 0) { here.local = partOf(here).length; return pause(here); }
  here.at = next;
  here.local = 0;
  here.compares = false;
  putOn(here);
  here.house.turned();
  here.house.redraw();
}

/** The whole cut, or one shot over and over. */
function setMode(here, mode) {
  here.mode = mode;
  here.house.redraw();
}

function mute(here) {
  here.isMuted = !here.isMuted;
  for (const film of [...here.films, here.song]) film.muted = here.isMuted;
  drawPlayer(here);
}

function fullscreen(here) {
  const box = here.root.querySelector(".watch");
  if (document.fullscreenElement) return void document.exitFullscreen();
  if (box.requestFullscreen) return void box.requestFullscreen().catch(() => {});
  here.film?.webkitEnterFullscreen?.();
}

/** The moment of the clip itself, null on a picture. */
function moment(here) {
  const { shot } = partOf(here);
  return isFilm(shot) ? Math.round((trimOf(shot)[0] + here.local) * 1000) / 1000 : null;
}

// Where one is

function startScrub(here) {
  here.scrub = here.root.querySelector(".scrub");
  here.rail = el("div", { class: "rail", role: "slider", tabindex: "0", "aria-label": here.data.labels.scrub, "aria-valuemin": 0 });
  here.scrub.append(el("div", { class: "parts" }), el("div", { class: "span", hidden: true }), el("div", { class: "done" }), el("div", { class: "head" }), here.rail, el("div", { class: "dots" }));
  const to = (event) => {
    const box = here.rail.getBoundingClientRect(), share = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
    here.mode === "cut" ? seekCut(here, share * here.length) : seek(here, here.at, share * partOf(here).length);
  };
  here.rail.addEventListener("pointerdown", (event) => {
    if (!here.parts) return;
    here.resumes = here.plays;
    here.began = true;
    pause(here);
    here.rail.setPointerCapture(event.pointerId);
    here.rail.onpointermove = to;
    to(event);
  }, here.while);
  const drop = () => { here.rail.onpointermove = null; if (here.resumes) play(here); here.resumes = false; };
  for (const end of ["pointerup", "pointercancel"]) here.rail.addEventListener(end, drop, here.while);
  here.rail.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageDown: -5, PageUp: 5 }[event.key];
    if (by && here.parts) { nudge(here, by); keep(event); }
  }, here.while);
}

/** Seconds on the bar, and how many it is long. */
function onBar(here, index, local) {
  if (here.mode === "shot") return index === here.at ? [local, partOf(here).length] : null;
  return [here.parts[index].start + local, here.length];
}

/** A moment of a shot's clip in its part of the film, at the nearer end where the trim has left it out. */
function localOf(shot, timecode) {
  const [from, to] = trimOf(shot);
  return Math.max(0, Math.min((timecode ?? from) - from, to - from));
}

function drawPlayer(here) {
  const { labels } = here.data, { room, keys } = here, { shot } = partOf(here);
  const shape = here.plays ? "pause" : "play";
  if (keys.toggle.dataset.shape !== shape) { keys.toggle.dataset.shape = shape; keys.toggle.replaceChildren(icon(shape)); }
  keys.mute.replaceChildren(icon(here.isMuted ? "mute" : "sound"));
  press(keys.mute, here.isMuted);
  press(keys.loop, here.mode === "shot");
  keys.compare.hidden = !shot.previous;
  press(keys.compare, here.compares);
  keys.before.disabled = !here.parts.some(({ length }, i) => i < here.at && length);
  keys.after.disabled = !here.parts.some(({ length }, i) => i > here.at && length);
  here.big.hidden = here.plays || here.began || !shot.take;
  say(here.root.querySelector(".blank-word"), !shot.take ? labels.noTake : here.film?.error ? labels.broken : "");
  const parts = here.scrub.querySelector(".parts"), shown = here.mode === "cut" ? here.parts : [partOf(here)];
  parts.replaceChildren(...shown.filter(({ length }) => length).map((part) => {
    const bar = el("i", { class: part.shot === shot ? "now" : null, "data-verdict": part.shot.verdict, title: `${part.shot.code} ${part.shot.name}` });
    bar.style.flexGrow = part.length;
    return bar;
  }));
  drawTime(here);
  drawWipe(here);
  here.house.drawn();
  set(here.rail, "aria-valuemax", Math.round(here.mode === "cut" ? here.length : partOf(here).length));
  if (room.can_download && shot.take) keys.load ??= addLoad(here);
  if (keys.load) { keys.load.hidden = !room.can_download || !shot.take; set(keys.load, "href", shot.take ? `${shot.take.file_url}?keep=1` : null); }
}

function addLoad(here) {
  const link = el("a", { class: "tool", download: "", "aria-label": here.data.labels.load, title: here.data.labels.load }, icon("load"));
  here.keys.full.before(link);
  return link;
}

function drawTime(here) {
  const [now, all] = onBar(here, here.at, here.local);
  here.scrub.style.setProperty("--at", all ? now / all : 0);
  set(here.rail, "aria-valuenow", Math.round(now));
  set(here.rail, "aria-valuetext", time(now));
  say(here.clockText, `${time(now)} / ${time(all)}`);
  here.house.timed();
}

// Beside the round before: one picture over the other, and a line between them that is drawn across

function setCompare(here, on) {
  here.compares = on;
  here.began = true;
  if (on) here.house.stirred();
  drawPlayer(here);
}

function drawWipe(here) {
  const { labels } = here.data, { shot } = partOf(here), { previous } = shot, { wipe } = here;
  wipe.hidden = !here.compares || !previous;
  if (wipe.hidden) { here.rival?.pause?.(); return; }
  if (wipe.dataset.url === previous.file_url) return;
  wipe.dataset.url = previous.file_url;
  const isClip = previous.asset_type === "VIDEO";
  here.rival = isClip ? el("video", { src: previous.file_url, playsinline: true, preload: "auto", poster: previous.thumbnail_url }) : el("img", { src: previous.file_url, alt: "" });
  if (isClip) here.rival.muted = true;
  const line = el("input", { type: "range", min: 0, max: 100, step: 0.1, value: 50, "aria-label": labels.compare });
  const move = () => here.stage.style.setProperty("--cut", `${line.value}%`);
  line.addEventListener("input", move);
  wipe.replaceChildren(here.rival, el("i", { class: "line" }), el("b", { class: "old" }, fill(labels.round, { n: here.room.round_number - 1 })), el("b", { class: "new" }, fill(labels.round, { n: here.room.round_number })), line);
  move();
}

/** The clip of the round before runs with this one. */
function keepPace(here) {
  const { rival } = here;
  if (!here.compares || !rival?.play) return;
  const to = trimOf(partOf(here).shot)[0] + here.local;
  if (Math.abs(rival.currentTime - to) > 0.15) rival.currentTime = Math.min(to, rival.duration || to);
  if (rival.paused && !rival.ended) rival.play().catch(() => {});
}

/** Where in the stage the picture itself is. */
function fit(here) {
  const { take } = here.parts ? partOf(here).shot : {};
  here.house.fits(here.film?.videoWidth || take?.width || 16, here.film?.videoHeight || take?.height || 9);
}

// From shot to shot

/** To the beginning of a shot. */
function goTo(here, index) {
  here.compares = false;
  seek(here, index, 0);
  here.house.turned();
  here.house.redraw();
  here.house.looked(here.room.shots[index].box_id);
}

function step(here, by) {
  const { shots } = here.room;
  for (let i = here.at + by; shots[i]; i += by) if (shots[i].take) return goTo(here, i);
}

/** What the keys do; Space on a button that is none of the film's presses that one. True when there was something to do. */
function onFilmKey(here, event, more) {
  const button = event.composedPath()[0].closest?.("button, a"), frame = 1 / (here.room.fps || 24);
  if (isTaken(event) || (event.key === " " && button && !button.closest(".watch, .strip"))) return false;
  const keys = {
    " ": () => toggle(here), k: () => toggle(here), ArrowLeft: () => nudge(here, event.shiftKey ? -1 : -frame), ArrowRight: () => nudge(here, event.shiftKey ? 1 : frame),
    ArrowUp: () => step(here, -1), ArrowDown: () => step(here, 1), m: () => mute(here), f: () => fullscreen(here), ...more,
  };
  const deed = keys[keyOf(event)];
  deed?.();
  return Boolean(deed);
}
