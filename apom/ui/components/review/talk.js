// What is said: the verdict on the shot one looks at, the comments, and what one is about to say.

function startTalk(here) {
  const { labels } = here.data;
  here.side = here.root.querySelector(".side");
  here.judge = el("div", { class: "judge" });
  here.list = el("ol", { class: "talk", "aria-label": labels.talk });
  here.name = el("input", { type: "text", class: "name", maxlength: 60, autocomplete: "name", placeholder: labels.name, "aria-label": labels.name });
  here.field = el("textarea", { rows: 2, maxlength: 2000, placeholder: labels.write, "aria-label": labels.write });
  here.when = el("button", { type: "button", class: "when", "data-act": "when", title: labels.when });
  here.rangeKey = el("button", { type: "button", class: "tool", "data-act": "range", "aria-label": labels.range, title: labels.range }, icon("range"));
  here.tools = Object.fromEntries(TOOLS.map(([name, shape]) => [name, el("button", { type: "button", class: "tool", "data-tool": name, "aria-label": labels.tools[name], title: labels.tools[name] }, icon(shape))]));
  here.sender = el("button", { type: "button", class: "main-deed", "data-act": "send" }, labels.send);
  here.answering = el("p", { class: "answering", hidden: true });
  here.problem = el("p", { class: "problem", role: "alert" });
  here.composer = el("div", { class: "composer" }, here.answering, here.name, here.field, here.problem, el("div", { class: "row" }, here.when, here.rangeKey, ...Object.values(here.tools), el("span", { class: "space" }), here.sender));
  here.side.append(here.judge, here.list, here.composer);
  here.side.addEventListener("click", (event) => onTalkClick(here, event), here.while);
  here.field.addEventListener("focus", () => beginDraft(here), here.while);
  here.field.addEventListener("input", () => { here.draft.text = here.field.value.trim(); drawComposer(here); }, here.while);
  here.composer.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); send(here); }
    if (event.key === "Escape") { giveUp(here); here.field.blur(); }
    if (event.target.matches("input, textarea")) event.stopPropagation();                        // typing is no shortcut
  }, here.while);
}

function onTalkClick(here, event) {
  const { act: name, tool: shape, verdict } = event.target.closest("[data-act], [data-tool], [data-verdict]")?.dataset ?? {};
  const comment = event.target.closest("li")?.item;
  if (shape) return takeTool(here, shape);
  if (verdict) return judge(here, verdict);
  const deeds = {
    send: () => send(here), when: () => { here.draft ??= newDraft(here); here.draft.timed = !here.draft.timed; here.draft.end = null; drawComposer(here); }, range: () => toggleRange(here),
    answer: () => answer(here, comment), edit: () => editOwn(here, comment), remove: () => removeOwn(here, comment), quit: () => giveUp(here),
    all: () => setMode(here, here.mode === "cut" ? "shot" : "cut"),
  };
  if (name) return deeds[name]?.();
  if (comment && !event.target.closest("textarea, button")) jumpTo(here, comment.id);
}

/** To where a comment points. */
function jumpTo(here, id) {
  let comment = here.comments.find((each) => each.id === id);
  if (comment?.parent_comment_id) comment = here.comments.find((each) => each.id === comment.parent_comment_id) ?? comment;
  if (!comment) return;
  pause(here);
  here.began = true;
  here.looksAt = comment.id;
  Object.assign(here, { shape: null, tool: null, compares: false });
  const index = here.room.shots.findIndex(({ box_id: box }) => box === comment.box_id), isThis = index >= 0 && here.room.shots[index].take?.id === comment.asset_id;
  if (index >= 0) seek(here, index, isThis ? localOf(here.room.shots[index], comment.timecode_s) : 0);
  drawReview(here);
  here.list.querySelector(`[data-id="${comment.id}"]`)?.scrollIntoView({ block: "nearest" });
}

// What one is about to say

function newDraft(here) {
  const { shot } = partOf(here);
  return { asset: shot.take?.id, box: shot.box_id, text: here.field.value.trim(), timed: isFilm(shot), start: null, end: null, answers: null, edits: null };
}

/** Who begins to write wants the film to stand still, and means what is seen now. */
function beginDraft(here) {
  pause(here);
  here.began = true;
  here.draft ??= newDraft(here);
  drawPlayer(here);
  drawComposer(here);
}

/** Another shot: what one writes is about it now, what one has drawn was about the one before. */
function carryDraft(here) {
  Object.assign(here, { shape: null, tool: null });
  if (here.draft && !here.draft.answers && !here.draft.edits) here.draft = newDraft(here);
}

function giveUp(here) {
  here.draft = null;
  here.field.value = "";
  Object.assign(here, { tool: null, shape: null });
  drawRegions(here);
  drawComposer(here);
}

function toggleRange(here) {
  pause(here);
  here.draft ??= newDraft(here);
  const { draft } = here;
  draft.timed = true;
  if (draft.start === null) draft.start = moment(here); else draft.start = draft.end = null;
  drawComposer(here);
}

/** From and to, in seconds of the clip; a range ends where one has wound the film to. */
function span(here) {
  const { draft } = here, now = moment(here);
  if (!draft?.timed || now === null) return [null, null];
  if (draft.start === null) return [now, null];
  const [from, to] = [draft.start, now].sort((a, b) => a - b);
  return [from, to > from ? to : null];
}

function answer(here, comment) {
  giveUp(here);
  here.draft = { ...newDraft(here), asset: comment.asset_id, timed: false, answers: comment.parent_comment_id ?? comment.id, to: comment.author_name };
  drawComposer(here);
  here.field.focus();
}

function editOwn(here, comment) {
  giveUp(here);
  here.draft = { ...newDraft(here), asset: comment.asset_id, timed: false, edits: comment.id, text: comment.text };
  here.field.value = comment.text;
  drawComposer(here);
  here.field.focus();
}

async function removeOwn(here, comment) {
  const { labels } = here.data;
  try {
    await ask("DELETE", at(here, `/comments/${comment.id}`));
    here.comments = here.comments.filter(({ id }) => id !== comment.id);
    drawReview(here);
  } catch (problem) { complain(here, problem.message || labels.offline); }
}

/** Says it. What was written stays until it has arrived. */
async function send(here) {
  const { labels } = here.data, { draft } = here, text = here.field.value.trim(), name = here.name.value.trim() || here.room.name;
  if (!text || here.sending) return;
  if (!name) return askName(here);
  const [timecode_s, end_s] = span(here);
  here.sending = true;
  drawComposer(here);
  try {
    if (draft.edits) await ask("PATCH", at(here, `/comments/${draft.edits}`), { text });
    else {
      const body = { asset_id: draft.asset, text, name, answers: draft.answers, region: draft.answers ? null : here.shape, timecode_s, end_s };
      here.looksAt = (await ask("POST", at(here, "/comments"), body)).id;
    }
    Object.assign(here, { asksName: false });
    here.room.name = name;
    complain(here, "");
    giveUp(here);
    here.field.blur();
    here.comments = await readComments(here);
  } catch (problem) {
    if (isOver(problem)) return leaveForGood(here);
    complain(here, problem.message || labels.offline);
  } finally { here.sending = false; }
  drawReview(here);
}

/** A name is asked for once, when it is first needed. */
function askName(here) {
  here.asksName = true;
  drawComposer(here);
  complain(here, here.data.labels.needName);
  here.name.focus();
}

function complain(here, text) {
  say(here.problem, text);
}

/** Approves or asks for changes; said again it is appended, never changed. */
async function judge(here, verdict) {
  const { labels } = here.data, { shot } = partOf(here), name = here.name.value.trim() || here.room.name;
  if (shot.verdict === verdict) return;
  if (!name) return askName(here);
  const before = shot.verdict;
  shot.verdict = verdict;
  drawReview(here);
  try {
    await ask("POST", at(here, "/verdicts"), { box_id: shot.box_id, round_id: here.room.round_id, verdict, name });
    Object.assign(here, { asksName: false });
    here.room.name = name;
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

/** Threads in the order of the film; of one shot while one stays with it. */
function drawList(here) {
  const { labels } = here.data, { room } = here, place = new Map(room.shots.map(({ box_id: id }, i) => [id, i]));
  const roots = here.comments.filter((comment) => !comment.parent_comment_id && (here.mode === "cut" || comment.box_id === partOf(here).shot.box_id));
  roots.sort((a, b) => (place.get(a.box_id) ?? 1e6) - (place.get(b.box_id) ?? 1e6) || (a.timecode_s ?? 0) - (b.timecode_s ?? 0) || a.created_at.localeCompare(b.created_at));
  const items = roots.flatMap((root) => [root, ...here.comments.filter(({ parent_comment_id: id }) => id === root.id)]);
  here.threads ??= new Map();
  reconcile(here.list, here.threads, items, makeComment, (node, comment) => paintComment(here, node, comment));
  here.emptyTalk ??= here.list.parentElement.insertBefore(el("p", { class: "silence" }), here.composer);
  here.emptyTalk.hidden = items.length > 0;
  say(here.emptyTalk, room.can_comment ? labels.silence : labels.closed);
}

function makeComment({ id }) {
  return el("li", { "data-id": id },
    el("span", { class: "face", "aria-hidden": "true" }),
    el("div", { class: "said" }, el("p", { class: "by" }, el("b"), el("span", { class: "guest" }), el("time")), el("p", { class: "point" }, el("span", { class: "shot" }), el("button", { type: "button", class: "moment", "data-act": "jump" }), el("span", { class: "drawn" })), el("p", { class: "text" }), el("p", { class: "deeds" })));
}

function paintComment(here, node, comment) {
  const { labels } = here.data, { room } = here, part = (name) => node.querySelector(name), isRoot = !comment.parent_comment_id;
  node.item = comment;
  node.className = [isRoot ? "root" : "answer", comment.id === here.looksAt && "looked-at", comment.is_resolved && "resolved"].filter(Boolean).join(" ");
  const shot = room.shots.find(({ box_id: id }) => id === comment.box_id), isOld = shot?.take?.id !== comment.asset_id;
  say(part(".face"), initial(comment.author_name));
  part(".face").style.setProperty("--hue", hueOf(comment.author_name));
  say(part(".by b"), comment.author_name);
  say(part(".guest"), comment.is_mine ? labels.you : comment.is_guest ? "" : labels.team);
  say(part("time"), when(comment.created_at, labels.language));
  part(".point").hidden = !isRoot;
  say(part(".shot"), [shot?.code, isOld && comment.round_number ? fill(labels.round, { n: comment.round_number }) : ""].filter(Boolean).join(" · "));
  part(".moment").hidden = comment.timecode_s === null;
  say(part(".moment"), comment.timecode_s === null ? "" : [time(comment.timecode_s), comment.end_s && time(comment.end_s)].filter(Boolean).join(" – "));
  part(".moment").onclick = () => jumpTo(here, comment.id);
  part(".drawn").replaceChildren(...(comment.region ? [icon({ pin: "pin", box: "area", strokes: "pen" }[comment.region.kind])] : []));
  say(part(".text"), comment.text);
  const deeds = [isRoot && comment.is_resolved && el("span", { class: "settled" }, icon("check"), labels.resolved), room.can_comment && el("button", { type: "button", "data-act": "answer" }, labels.answer),
    comment.is_mine && room.can_comment && el("button", { type: "button", "data-act": "edit" }, labels.edit), comment.is_mine && room.can_comment && el("button", { type: "button", "data-act": "remove" }, labels.remove)];
  const shape = deeds.map((deed) => deed && (deed.dataset.act ?? "is")).join();
  if (node.shape !== shape) { node.shape = shape; part(".deeds").replaceChildren(...deeds.filter(Boolean)); }
}

function drawComposer(here) {
  const { labels } = here.data, { room, draft } = here;
  if (!room) return;
  const { shot } = partOf(here), canDraw = !draft?.answers && !draft?.edits && Boolean(shot.take);
  here.composer.hidden = !room.can_comment && !room.can_approve;
  here.composer.classList.toggle("open", Boolean(draft || here.shape || here.asksName));
  for (const part of [here.field, here.sender]) part.hidden = !room.can_comment;
  here.composer.querySelector(".row").hidden = !room.can_comment;
  here.name.hidden = Boolean(room.name) || (!room.can_comment && !room.can_approve);
  here.field.disabled = !shot.take;
  here.sender.disabled = !here.field.value.trim() || Boolean(here.sending);
  for (const [name, button] of Object.entries(here.tools)) { button.hidden = !canDraw; press(button, here.tool === name || here.shape?.kind === name); }
  here.rangeKey.hidden = !canDraw || !isFilm(shot);
  press(here.rangeKey, draft?.start !== null && draft?.start !== undefined);
  here.answering.hidden = !draft?.answers && !draft?.edits;
  if (!here.answering.hidden) here.answering.replaceChildren(draft.edits ? labels.editing : fill(labels.answering, { name: draft.to }), el("button", { type: "button", "data-act": "quit", "aria-label": labels.quit }, icon("cross")));
  drawDraftTime(here);
}

function drawDraftTime(here) {
  const { draft } = here, canTime = isFilm(partOf(here).shot) && !draft?.answers && !draft?.edits;
  here.when.hidden = !canTime;
  if (!canTime) return;
  const isTimed = draft?.timed ?? true, [from, to] = draft ? span(here) : [moment(here), null];
  press(here.when, isTimed);
  say(here.when, isTimed && from !== null ? [time(from), to !== null && time(to)].filter(Boolean).join(" – ") : here.data.labels.untimed);
  const bar = here.scrub.querySelector(".span");
  bar.hidden = !draft || draft.start === null || to === null;
  if (bar.hidden) return;
  const { shot } = partOf(here), a = onBar(here, here.at, localOf(shot, from)), b = onBar(here, here.at, localOf(shot, to));
  Object.assign(bar.style, { left: `${(100 * a[0]) / a[1]}%`, width: `${(100 * (b[0] - a[0])) / a[1]}%` });
}

function initial(name) {
  return [...name.trim()][0]?.toUpperCase() ?? "?";
}

/** A colour for a person, the same everywhere. */
function hueOf(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 360;
  return sum;
}

/** "12:04", "Mon 12:04", "3 May" */
function when(text, language) {
  const then = new Date(text), hours = (Date.now() - then) / 3_600_000;
  if (hours < 12) return then.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit" });
  return then.toLocaleDateString(language, hours < 24 * 6 ? { weekday: "short", hour: "2-digit", minute: "2-digit" } : { day: "numeric", month: "short" });
}
