// What is said about the take one looks at, beside its picture: the thread, the verdicts, and what one is about to say.

const BESIDE_PX = 4;               // a column that begins so close to our right edge stands beside us
const SIDES = ["INTERNAL", "CLIENT"];

function startTalk(here) {
  const { labels, may, talks } = here.data;
  Object.assign(here, { drafts: new Map(), readIds: new Set(), speaksTo: "INTERNAL", talks: talks || kept(localStorage, "apom talk", false) });
  here.scene = sceneOf(here);
  here.side = here.root.querySelector(".side");
  here.moments = here.root.querySelector(".moments");
  here.rounds = el("ul", { class: "rounds", "aria-label": labels.rounds });
  here.audience = el("span", { class: "audience", role: "group", "aria-label": labels.audience });
  here.audience.append(...SIDES.map((side) => el("button", { type: "button", "data-side": side, title: labels.sides[side][1] }, icon(side === "CLIENT" ? "talk" : "lock"), labels.sides[side][0])));
  set(here.tools.talk, "title", labels.talkKey);
  here.side.append(here.rounds);
  startDrawing(here);
  startRemarks(here, here.side, { before: [here.audience] });
  here.side.addEventListener("click", (event) => onTalkClick(here, event), here.while);
  here.side.addEventListener("keydown", (event) => { if (event.target.matches("button, [tabindex]") && event.key.length === 1) event.stopPropagation(); }, here.while);
  here.moments.addEventListener("click", (event) => { const id = event.target.closest(".dot")?.dataset.id; if (id) { openTalk(here); jumpTo(here, id); } }, here.while);
  const sizes = new ResizeObserver(() => { lay(here); fitTalk(here); });
  for (const box of [here.stage, here.view]) sizes.observe(box);
  here.while.signal.addEventListener("abort", () => sizes.disconnect());
  here.shelf.project = here.data.item.project_id;
  hearTalk(here.shelf);
}

/** What the comments ask of the big view (remarks.js). */
function sceneOf(here) {
  const { labels, may, me } = here.data;
  return {
    seen: () => { const take = shown(here), isSeen = Boolean(here.stage.querySelector("video, img")) && !here.isClose; return { asset: take.trashed_at ? undefined : take.id, box: take.box_id, isClip: Boolean(filmOf(here)), isSeen }; },
    moment: () => { const film = filmOf(here); return film ? Math.round(film.currentTime * 1000) / 1000 : null; },
    isStill: () => filmOf(here)?.paused ?? true,
    hold: () => filmOf(here)?.pause(),
    jump: (comment) => jumpInClip(here, comment),
    redraw: () => drawTalk(here),
    roots: () => here.comments.filter((comment) => !comment.parent_comment_id),
    by: (comment) => comment.link_label ? fill(labels.through, { name: comment.link_label }) : comment.user_id === me ? labels.you : labels.team,
    place: (comment) => comment.round_number < here.lastRound ? fill(labels.round, { n: comment.round_number }) : "",
    mark: (chip, comment) => markAudience(here, chip, comment),
    deeds: (comment) => [!shown(here).trashed_at && "answer", may && !comment.parent_comment_id && (comment.is_resolved ? "reopen" : "resolve"), may && comment.link_id && (comment.is_hidden ? "unhide" : "hide"), comment.user_id === me && "edit", (comment.user_id === me || may) && "remove"].filter(Boolean),
    mayWrite: () => !shown(here).trashed_at,
    isRead: () => here.shelf.isTalkRead,
    drawComposer: () => drawAudience(here),
    drawSpan: (span) => drawSpan(here, span),
    add: (draft, said) => addRemark(here, draft, said),
    path: (id) => `/api/comments/${id}`,
    reread: () => readTalk(here.shelf),
  };
}

const filmOf = (here) => here.stage.querySelector("video");

/** To clients only by a press of its own, for this one comment. */
async function addRemark(here, draft, said) {
  const { labels } = here.data, visibility = here.speaksTo;
  const made = await ask("POST", `/api/assets/${draft.asset}/comments`, { ...said, visibility });
  here.speaksTo = "INTERNAL";
  if (visibility === "CLIENT") notice(here, made.round_number ? labels.sentClient : labels.sentAhead);
  return made;
}

function onTalkClick(here, event) {
  const { act: name, side } = event.target.closest("[data-act], [data-side]")?.dataset ?? {}, comment = event.target.closest("li")?.item;
  if (side) { here.speaksTo = side; drawComposer(here); here.field.focus(); }
  const marks = { resolve: { is_resolved: true, is_read: true }, reopen: { is_resolved: false }, hide: { is_hidden: true }, unhide: { is_hidden: false } }[name];
  if (marks && comment) markRemarks(here, [comment.id], marks);
}

/** At once here, then at the server. */
async function markRemarks(here, ids, marks) {
  const { labels } = here.data;
  for (const comment of here.shelf.comments) if (ids.includes(comment.id)) Object.assign(comment, marks);
  tell(here.shelf);
  try { await ask("POST", "/api/inbox/marks", { ids, ...marks }); } catch (problem) {
    complain(here, problem.message || labels.offline);
    hearTalk(here.shelf);
  }
}

function jumpInClip(here, { timecode_s: at }) {
  const film = filmOf(here);
  if (here.isClose) zoom(here, {});
  if (!film) return;
  film.pause();
  if (at === null) return;
  const go = () => { film.currentTime = at; };
  if (film.readyState > 0) go(); else film.addEventListener("loadedmetadata", go, { once: true });
}

/** Another take: what was begun about this one waits for one's return. */
function turnTalk(here, from, to) {
  if (!here.composer || from === to) return;
  const { draft, shape, speaksTo } = here, text = here.field.value;
  if (text.trim() || shape) here.drafts.set(from, { draft, shape, speaksTo, text }); else here.drafts.delete(from);
  const { text: said, ...known } = here.drafts.get(to) ?? { text: "", draft: null, shape: null, speaksTo: "INTERNAL" };
  Object.assign(here, { ...known, tool: null, looksAt: null });
  here.field.value = said;
  complain(here, "");
}

function openTalk(here, on = true) {
  here.talks = on;
  keepFor(localStorage, "apom talk", on);
  draw(here);
  if (on && here.isBelow) here.side.scrollIntoView({ block: "nearest" });
}

/** The field, for who wants to write. */
function beginTalk(here) {
  openTalk(here);
  here.field.focus({ preventScroll: !here.isBelow });
}

/** Beside the picture in the place of what else is known about the take; below it where there is no room. */
function lay(here) {
  const room = here.root.querySelector(".room"), mine = room.getBoundingClientRect(), column = wordsBeside(here)?.closest("[data-testid=stColumn]")?.getBoundingClientRect();
  here.isBelow = !column || column.left < mine.right - BESIDE_PX;
  room.classList.toggle("below", here.isBelow);
  if (here.isBelow) return;
  room.style.setProperty("--side-left", `${column.left - mine.left}px`);
  room.style.setProperty("--side-width", `${column.width}px`);
}

function wordsBeside(here) {
  return here.root.host?.closest("[role=dialog]")?.querySelector(`.st-key-${here.data.beside}`);
}

// How it looks

/** What was said of this take, as the shelf knows it. */
function drawTalk(here) {
  const { talks, shelf, tools } = here, { labels, may, me } = here.data;
  here.comments = shelf.comments.filter(({ asset_id: id }) => id === here.id);
  here.lastRound = Math.max(0, ...here.comments.map(({ round_number: n }) => n ?? 0), ...shelf.verdicts.map(({ round_number: n }) => n));
  const open = here.comments.filter((comment) => !comment.parent_comment_id && !comment.is_resolved).length, unread = here.comments.filter((comment) => !comment.is_read && comment.user_id !== me);
  lay(here);
  here.side.hidden = !talks;
  press(tools.talk, talks);
  tools.talk.replaceChildren(icon("talk"), open ? el("b", {}, String(open)) : "");
  tools.talk.classList.toggle("loud", unread.length > 0 && !talks);
  set(tools.talk, "aria-label", [labels.talkKey, open && counted(labels, "remarks", open)].filter(Boolean).join(", "));
  const words = wordsBeside(here);
  if (words) words.style.display = talks && !here.isBelow ? "none" : "";
  drawRounds(here);
  drawList(here);
  drawComposer(here);
  drawMoments(here);
  drawRegions(here);
  const news = unread.map(({ id }) => id).filter((id) => !here.readIds.has(id));
  if (!talks || !may || !news.length || document.hidden) return;
  for (const id of news) here.readIds.add(id);         // what is seen here is read
  markRemarks(here, news, { is_read: true });
}

/** What clients and the team decided about the shot, the last word of each, round by round. */
function drawRounds(here) {
  const { labels } = here.data, words = new Map();
  for (const word of here.shelf.verdicts) {
    const key = `${word.round_number} ${word.link_id ?? word.user_id} ${word.name}`;
    if (!words.has(key)) words.set(key, word);
  }
  const rounds = Map.groupBy(words.values(), (word) => word.round_number);
  here.rounds.hidden = !rounds.size;
  here.rounds.replaceChildren(...[...rounds].sort(([a], [b]) => b - a).map(([n, them]) => el("li", { class: them.some(({ asset_id: id }) => id === here.id) ? "this" : null },
    el("b", {}, fill(labels.round, { n })),
    ...(them[0].asset_id !== here.id && them[0].take_number ? [el("span", { class: "other" }, fill(labels.take, { n: them[0].take_number }))] : []),
    ...them.map(({ verdict, name }) => el("span", { class: "word", "data-verdict": verdict, title: `${name}: ${labels.verdicts[verdict]}` }, icon(verdict === "APPROVED" ? "check" : "changes"), name, el("span", { class: "sr" }, `: ${labels.verdicts[verdict]}`))))));
}

function markAudience(here, chip, { visibility, link_id: link, is_hidden: isHidden }) {
  const { labels } = here.data, word = isHidden ? labels.hidden : visibility === "INTERNAL" ? labels.sides.INTERNAL[0] : link ? "" : labels.sides.CLIENT[0];
  chip.hidden = !word;
  chip.classList.toggle("out", visibility === "CLIENT" && !isHidden);
  if (chip.dataset.word === word) return;
  chip.dataset.word = word;
  chip.replaceChildren(icon(visibility === "INTERNAL" || isHidden ? "lock" : "talk"), word);
}

/** Whom one speaks to. Clients do not see the answer to what they do not see. */
function drawAudience(here) {
  const { labels, may } = here.data, { draft } = here, isInside = draft?.answers && draft.speaksTo === "INTERNAL";
  if (isInside || !may) here.speaksTo = "INTERNAL";
  here.audience.hidden = !may || Boolean(draft?.edits) || !here.scene.mayWrite();
  for (const button of here.audience.children) { press(button, button.dataset.side === here.speaksTo); button.disabled = isInside && button.dataset.side === "CLIENT"; }
  const isOut = here.speaksTo === "CLIENT" && !draft?.edits;
  here.composer.classList.toggle("out", isOut);
  here.composer.hidden = !here.scene.mayWrite();
  say(here.sender, isOut ? labels.sendClient : labels.send);
}

/** Where on the clip something was said. */
function drawMoments(here) {
  const take = shown(here), length = take.duration_s, isClip = Boolean(filmOf(here)) && length > 0;
  const dots = isClip ? here.comments.filter((comment) => !comment.parent_comment_id && comment.timecode_s !== null) : [];
  here.moments.hidden = !isClip || (!dots.length && !here.talks);
  here.moments.querySelector(".dots").replaceChildren(...dotsAt(dots.map((comment) => [comment, Math.min(1, comment.timecode_s / length)])));
}

function drawSpan(here, span) {
  const bar = here.moments.querySelector(".span"), length = shown(here).duration_s;
  bar.hidden = !span || !length;
  if (!bar.hidden) Object.assign(bar.style, { left: `${(100 * span[0]) / length}%`, width: `${(100 * (span[1] - span[0])) / length}%` });
}

/** What is drawn lies on the picture. */
function fitTalk(here) {
  const take = shown(here), film = filmOf(here), img = here.stage.querySelector("img");
  fitCanvas(here, film?.videoWidth || take.width || img?.naturalWidth || 16, film?.videoHeight || take.height || img?.naturalHeight || 9);
}

/** A clip or a picture has come onto the stage. */
function dressStage(here) {
  const film = filmOf(here);
  here.stage.append(here.canvas);
  film?.addEventListener("loadedmetadata", () => fitTalk(here));
  film?.addEventListener("timeupdate", () => drawDraftTime(here));
  for (const name of ["play", "pause", "seeked"]) film?.addEventListener(name, () => { drawRegions(here); drawDraftTime(here); });
  here.stage.querySelector("img")?.addEventListener("load", () => fitTalk(here));
  fitTalk(here);
}
