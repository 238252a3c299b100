// What is said behind a link: the verdict on the shot one looks at, and the comments of the film.

function startTalk(here) {
  const { labels } = here.data;
  here.side = here.root.querySelector(".side");
  here.judge = el("div", { class: "judge" });
  here.name = el("input", { type: "text", class: "name", maxlength: 60, autocomplete: "name", enterkeyhint: "done", placeholder: labels.name, "aria-label": labels.name });
  here.name.addEventListener("keydown", (event) => { if (event.key === "Enter" && here.name.value.trim()) here.meant ? judgeAfterAll(here) : here.field.focus(); }, here.while);
  here.side.append(here.judge);
  here.scene = sceneOf(here);
  startRemarks(here, here.side, { before: [here.name] });
  here.scrub.addEventListener("click", (event) => { const id = event.target.closest(".dot")?.dataset.id; if (id) jumpTo(here, id); }, here.while);
  here.judge.addEventListener("click", (event) => { const { verdict } = event.target.closest("[data-verdict]")?.dataset ?? {}; if (verdict) judge(here, verdict); }, here.while);
}

/** What the comments ask of the film (remarks.js). */
function sceneOf(here) {
  const { labels } = here.data;
  return {
    seen: () => { const { shot } = partOf(here); return { asset: shot.take?.id, box: shot.box_id, isClip: isFilm(shot), isSeen: Boolean(shot.take) }; },
    moment: () => moment(here),
    told: (seconds, comment) => inFilm(here, seconds, comment),
    isStill: () => !here.plays,
    hold: (draws) => { pause(here); here.began = true; if (draws) here.compares = false; drawPlayer(here); },
    jump: (comment) => jumpInFilm(here, comment),
    redraw: () => { if (here.room) drawReview(here); },
    roots: () => rootsInOrder(here),
    by: (comment) => comment.is_mine ? labels.you : comment.is_guest ? "" : labels.team,
    place: (comment) => placeOf(here, comment),
    deeds: (comment) => here.room.can_comment ? ["answer", ...(comment.is_mine ? ["edit", "remove"] : [])] : [],
    mayWrite: () => Boolean(here.room?.can_comment),
    isOpen: () => here.asksName,
    asks: () => askName(here),
    drawComposer: () => drawName(here),
    drawSpan: (span) => drawSpan(here, span),
    add: async (draft, said) => {
      const name = nameHere(here), made = await ask("POST", at(here, "/comments"), { asset_id: draft.asset, name, ...said });
      named(here, name);
      judgeAfterAll(here);
      return made;
    },
    path: (id) => at(here, `/comments/${id}`),
    reread: async () => { here.comments = await readComments(here); },
    failed: (problem) => isOver(problem) && (leaveForGood(here), true),
  };
}

function jumpInFilm(here, comment) {
  pause(here);
  Object.assign(here, { began: true, compares: false });
  const index = here.room.shots.findIndex(({ box_id: box }) => box === comment.box_id), isThis = index >= 0 && here.room.shots[index].take?.id === comment.asset_id;
  if (index >= 0) seek(here, index, isThis ? localOf(here.room.shots[index], comment.timecode_s) : 0);
}

/** Which shot shows the take that a comment is about, -1 for none: that was another round's. */
function shotOf(here, { box_id: box, asset_id: asset }) {
  return here.room.shots.findIndex(({ box_id: id, take }) => id === box && take?.id === asset);
}

/** A moment of a clip as the bar says it, which counts the film or, where one stays with a shot, the shot. What is kept counts
 *  the clip itself, so that it stays where it was said whatever becomes of the trim and of the shots before it. */
function inFilm(here, seconds, comment) {
  const index = comment ? shotOf(here, comment) : here.at, place = index >= 0 && onBar(here, index, localOf(here.room.shots[index], seconds));
  return place ? place[0] : seconds;
}

function drawDots(here) {
  const roots = here.comments.filter((comment) => !comment.parent_comment_id);
  const places = roots.map((comment) => {
    const index = shotOf(here, comment);
    return [comment, index >= 0 && onBar(here, index, localOf(here.room.shots[index], comment.timecode_s))];
  });
  here.scrub.querySelector(".dots").replaceChildren(...dotsAt(places.filter(([, place]) => place).map(([comment, [now, all]]) => [comment, now / all])));
}

/** In the order of the film; of one shot while one stays with it. */
function rootsInOrder(here) {
  const { room } = here, place = new Map(room.shots.map(({ box_id: id }, i) => [id, i]));
  const roots = here.comments.filter((comment) => !comment.parent_comment_id && (here.mode === "cut" || comment.box_id === partOf(here).shot.box_id));
  return roots.sort((a, b) => (place.get(a.box_id) ?? 1e6) - (place.get(b.box_id) ?? 1e6) || (a.timecode_s ?? 0) - (b.timecode_s ?? 0) || a.created_at.localeCompare(b.created_at));
}

/** The shot that a comment is about, and the round where that showed another take. */
function placeOf(here, comment) {
  const shot = here.room.shots.find(({ box_id: id }) => id === comment.box_id), isOld = shot?.take?.id !== comment.asset_id;
  return [shot?.code, isOld && comment.round_number ? fill(here.data.labels.round, { n: comment.round_number }) : ""].filter(Boolean).join(" · ");
}

/** Another shot: what one writes is about it now, what one has drawn was about the one before. */
function carryDraft(here) {
  Object.assign(here, { shape: null, tool: null });
  if (here.draft && !here.draft.answers && !here.draft.edits) here.draft = newDraft(here);
}

const nameHere = (here) => here.name.value.trim() || here.room.name;

/** A name is asked for once, when it is first needed; whether it is asked for now. */
function askName(here) {
  if (nameHere(here)) return false;
  here.asksName = true;
  drawComposer(here);
  complain(here, here.data.labels.needName);
  here.name.focus();
  return true;
}

/** A name is there now: the verdict that waited for it is given, where one is still at its shot. */
function judgeAfterAll(here) {
  const { box, verdict } = here.meant ?? {};
  here.meant = null;
  if (verdict && box === partOf(here).shot.box_id) judge(here, verdict);
}

function named(here, name) {
  here.asksName = false;
  here.room.name = name;
}

/** Approves or asks for changes; said again it is appended, never changed. */
async function judge(here, verdict) {
  const { labels } = here.data, { shot } = partOf(here), name = nameHere(here);
  if (shot.verdict === verdict) return;
  here.meant = { box: shot.box_id, verdict };
  if (askName(here)) return;
  here.meant = null;
  const before = shot.verdict;
  shot.verdict = verdict;
  drawReview(here);
  try {
    await ask("POST", at(here, "/verdicts"), { box_id: shot.box_id, round_id: here.room.round_id, verdict, name });
    named(here, name);
    complain(here, "");
    if (verdict === "CHANGES_WANTED" && here.room.can_comment) { here.field.placeholder = labels.what; here.field.focus(); }
  } catch (problem) {
    if (isOver(problem)) return leaveForGood(here);
    shot.verdict = before;
    complain(here, problem.message || labels.offline);
  }
  if (here.room) drawReview(here);
}

// How it looks

function drawTalk(here) {
  drawJudge(here);
  drawList(here);
  drawComposer(here);
}

function drawJudge(here) {
  const { labels } = here.data, { room } = here, { shot } = partOf(here);
  const key = (verdict, shape) => {
    const button = el("button", { type: "button", class: "verdict", "data-verdict": verdict, "aria-pressed": shot.verdict === verdict ? "true" : "false" }, icon(shape), labels.deeds[verdict]);
    button.disabled = !shot.take;
    return button;
  };
  const others = [shot.approvals && counted(labels, "approvals", shot.approvals), shot.changes_wanted && counted(labels, "changesWanted", shot.changes_wanted)].filter(Boolean).join(" · ");
  const held = here.root.activeElement?.dataset?.verdict;
  here.judge.replaceChildren(
    el("div", { class: "which" }, el("b", {}, shot.code), el("span", {}, shot.name), shot.changed ? el("em", {}, labels.changes[shot.changed]) : ""),
    ...(shot.take?.prompt_text ? [el("p", { class: "prompt" }, shot.take.prompt_text)] : []),
    ...(room.can_approve ? [el("div", { class: "verdicts" }, key("APPROVED", "check"), key("CHANGES_WANTED", "changes"))] : []),
    ...(others ? [el("p", { class: "others" }, others)] : []));
  if (held) here.judge.querySelector(`[data-verdict=${held}]`)?.focus();
}

function drawName(here) {
  const { room } = here, mayAny = room.can_comment || room.can_approve;
  here.composer.hidden = !mayAny;
  here.name.hidden = Boolean(room.name) || !mayAny;
}

/** The range one writes about, on the bar. */
function drawSpan(here, span) {
  const bar = here.scrub.querySelector(".span"), { shot } = partOf(here);
  bar.hidden = !span;
  if (!span) return;
  const [a, b] = span.map((at) => onBar(here, here.at, localOf(shot, at)));
  Object.assign(bar.style, { left: `${(100 * a[0]) / a[1]}%`, width: `${(100 * (b[0] - a[0])) / a[1]}%` });
}
