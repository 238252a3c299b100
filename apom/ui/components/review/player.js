// The cut as one film: clips by their trims, pictures for as long as they stand. Two players take turns, so that the next
// clip is there when it is wanted.

const STILL_S = 3;                 // a picture without a length of its own
const END_S = 0.03;                // a clip's end is not hit more exactly than that
const STRAY_S = 0.25;              // the soundtrack may be that far from the picture before it jumps

function startPlayer(here) {
  const { labels } = here.data;
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

function lengthOf({ take, in_s: from, out_s: to, duration_s: stands }) {
  if (!take) return 0;
  if (take.asset_type !== "VIDEO") return stands || STILL_S;
  return Math.max(0.1, (to ?? take.duration_s ?? STILL_S) - (from ?? 0));
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
  const to = (partOf(here).shot.in_s ?? 0) + here.local;
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
  carryDraft(here);
  drawReview(here);
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
  const isOver = here.local >= part.length - END_S && (here.mode === "shot" || here.at === lastPart(here));
  here.plays = true;
  here.began = true;
  dropDrawing(here);
  if (isOver) seek(here, here.mode === "shot" ? here.at : here.parts.findIndex(({ length }) => length), 0);
  if (here.film) playFilm(here);
  drawReview(here);
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
  if (here.film) here.local = here.film.readyState > 1 ? here.film.currentTime - (part.shot.in_s ?? 0) : here.local;
  else here.local += past;
  if (here.local >= part.length - END_S || here.film?.ended) goOn(here);
  keepSong(here);
  drawTime(here);
  keepPace(here);
}

/** The soundtrack goes on under the whole cut, beside the clips' own sound; it waits where a clip does. */
function keepSong(here) {
  const { song, film } = here, at = partOf(here).start + here.local;
  const isHeard = here.plays && here.mode === "cut" && song.hasAttribute("src") && !(at >= song.duration) && !(film && film.readyState < 3);
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
  carryDraft(here);
  drawReview(here);
}

/** The whole cut, or one shot over and over. */
function setMode(here, mode) {
  here.mode = mode;
  drawReview(here);
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
  return isFilm(shot) ? Math.round(((shot.in_s ?? 0) + here.local) * 1000) / 1000 : null;
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
  here.scrub.addEventListener("click", (event) => { const id = event.target.closest(".dot")?.dataset.id; if (id) jumpTo(here, id); }, here.while);
}

/** Seconds on the bar, and how many it is long. */
function onBar(here, index, local) {
  if (here.mode === "shot") return index === here.at ? [local, partOf(here).length] : null;
  return [here.parts[index].start + local, here.length];
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
  say(here.root.querySelector(".blank-word"), shot.take ? "" : labels.noTake);
  const parts = here.scrub.querySelector(".parts"), shown = here.mode === "cut" ? here.parts : [partOf(here)];
  parts.replaceChildren(...shown.filter(({ length }) => length).map((part) => {
    const bar = el("i", { class: part.shot === shot ? "now" : null, "data-verdict": part.shot.verdict, title: `${part.shot.code} ${part.shot.name}` });
    bar.style.flexGrow = part.length;
    return bar;
  }));
  drawDots(here);
  drawTime(here);
  drawWipe(here);
  drawRegions(here);
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
  drawDraftTime(here);
}

function drawDots(here) {
  const dots = [];
  for (const comment of here.comments) {
    if (comment.parent_comment_id) continue;
    const index = here.room.shots.findIndex(({ box_id: box, take }) => box === comment.box_id && take?.id === comment.asset_id);
    const place = index >= 0 && onBar(here, index, localOf(here.room.shots[index], comment.timecode_s));
    if (!place) continue;
    dots.push([comment, place[0] / place[1]]);
  }
  here.scrub.querySelector(".dots").replaceChildren(...dotsAt(dots));
}

function localOf({ in_s: from }, timecode) {
  return Math.max(0, (timecode ?? from ?? 0) - (from ?? 0));
}

// Beside the round before: one picture over the other, and a line between them that is drawn across

function setCompare(here, on) {
  here.compares = on;
  here.began = true;
  if (on) dropDrawing(here);
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
  const to = (partOf(here).shot.in_s ?? 0) + here.local;
  if (Math.abs(rival.currentTime - to) > 0.15) rival.currentTime = Math.min(to, rival.duration || to);
  if (rival.paused && !rival.ended) rival.play().catch(() => {});
}

/** Where in the stage the picture itself is. */
function fit(here) {
  const { take } = here.parts ? partOf(here).shot : {};
  fitCanvas(here, here.film?.videoWidth || take?.width || 16, here.film?.videoHeight || take?.height || 9);
}
