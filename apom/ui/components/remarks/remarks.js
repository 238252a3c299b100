// What is said about takes, and what one is about to say: for the people of a project and for those behind a link. What it
// stands on says `here.scene`:
//   seen()          {asset, box, isClip, isSeen}: the take that is looked at; `asset` is undefined where there is none, isSeen: its picture is there
//   moment()        the moment of the clip in seconds, null on a picture
//   told(s, comment)   such a moment as its reader sees it: of a comment, else of what is looked at; without it, as it is
//   isStill()       whether the picture stands still
//   hold(draws)     stand still: somebody writes, or draws
//   jump(comment)   to where a comment points
//   redraw()        all of it anew
//   roots()         the first comments of the threads to show, in order
//   by(comment), place(comment), deeds(comment), mayWrite(), isOpen()
//   isRead()        false until what was said is known; without it, it is
//   add(draft, said), path(id), reread()    the requests; `failed(problem)`: true when it was said already

Object.assign(ICONS, {
  pin: "M12 20.5s-6-5.6-6-10.3a6 6 0 0 1 12 0c0 4.7-6 10.3-6 10.3zM12 8.2a2 2 0 1 0 0 4 2 2 0 0 0 0-4z",
  area: "M4.5 6.5h15v11h-15z",
  pen: "m4.5 19.5 1-4.5L16.2 4.3a1.7 1.7 0 0 1 2.4 0l1.1 1.1a1.7 1.7 0 0 1 0 2.4L9 18.5z",
  range: "M5 6v12M19 6v12M8.5 12h7M10.5 9.5 8 12l2.5 2.5M13.5 9.5 16 12l-2.5 2.5",
});

const SURE_MS = 4000;              // so long a second press on "delete" means it

/** The list and the composer into `side`. `before`: what stands above the words; `ways`: what stands beside the button. */
function startRemarks(here, side, { before = [], ways = [] } = {}) {
  const { labels } = here.data;
  Object.assign(here, { comments: [], draft: null, tool: null, shape: null, threads: new Map() });
  here.list = el("ol", { class: "talk", "aria-label": labels.talk });
  here.silence = el("p", { class: "silence" });
  here.field = el("textarea", { rows: 2, maxlength: 2000, placeholder: labels.write, "aria-label": labels.write });
  here.when = el("button", { type: "button", class: "when", "data-act": "when", title: labels.when });
  here.rangeKey = el("button", { type: "button", class: "tool", "data-act": "range", "aria-label": labels.range, title: labels.range }, icon("range"));
  here.pens = Object.fromEntries(PENS.map(([name, shape]) => [name, el("button", { type: "button", class: "tool", "data-pen": name, "aria-label": labels.tools[name], title: labels.tools[name] }, icon(shape))]));
  here.sender = el("button", { type: "button", class: "main-deed", "data-act": "send" }, labels.send);
  here.answering = el("p", { class: "answering", hidden: true });
  here.problem = el("p", { class: "problem", role: "alert" });
  here.row = el("div", { class: "row" }, here.when, here.rangeKey, ...Object.values(here.pens), el("span", { class: "space" }), ...ways, here.sender);
  here.composer = el("div", { class: "composer" }, here.answering, ...before, here.field, here.problem, here.row);
  side.append(here.list, here.silence, here.composer);
  side.addEventListener("click", (event) => onRemarkClick(here, event), here.while);
  here.field.addEventListener("focus", () => beginDraft(here), here.while);
  here.field.addEventListener("input", () => { here.draft ??= newDraft(here); here.draft.text = here.field.value.trim(); drawComposer(here); }, here.while);
  here.composer.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); sendRemark(here); }
    if (event.key === "Escape") return leaveField(here, event);
    if (event.target.matches("input, textarea")) event.stopPropagation();                        // typing is no shortcut
  }, here.while);
}

/** Escape lays down the pen, then leaves the field; what was written stays. */
function leaveField(here, event) {
  keep(event);
  if (here.tool || here.shape) return dropDrawing(here);
  if (!here.field.value.trim()) giveUp(here);
  event.target.blur();
}

function onRemarkClick(here, event) {
  const { act: name, pen } = event.target.closest("[data-act], [data-pen]")?.dataset ?? {}, comment = event.target.closest("li")?.item;
  if (pen) return takePen(here, pen);
  const deeds = {
    send: () => sendRemark(here), when: () => { here.draft ??= newDraft(here); here.draft.timed = !here.draft.timed; drawComposer(here); }, range: () => toggleRange(here),
    answer: () => answerTo(here, comment), edit: () => editOwn(here, comment), remove: () => removeRemark(here, comment, event.target), quit: () => giveUp(here), jump: () => jumpTo(here, comment.id),
  };
  if (deeds[name]) return deeds[name]();
  if (comment && !event.target.closest("textarea, button")) jumpTo(here, comment.id);
}

/** To where a comment points. */
function jumpTo(here, id) {
  let comment = here.comments.find((each) => each.id === id);
  if (comment?.parent_comment_id) comment = here.comments.find((each) => each.id === comment.parent_comment_id) ?? comment;
  if (!comment) return;
  Object.assign(here, { looksAt: comment.id, shape: null, tool: null });
  here.scene.jump(comment);
  here.scene.redraw();
  bring(here, comment.id);
}

// What one is about to say

function newDraft(here) {
  const { asset, box, isClip } = here.scene.seen();
  return { asset, box, text: here.field.value.trim(), timed: isClip, start: null, answers: null, edits: null };
}

/** Who begins to write wants the film to stand still, and means what is seen now. */
function beginDraft(here) {
  here.scene.hold(Boolean(here.tool));
  here.draft ??= newDraft(here);
  drawRegions(here);
  drawComposer(here);
}

function giveUp(here) {
  here.field.value = "";
  Object.assign(here, { draft: null, tool: null, shape: null });
  drawRegions(here);
  drawComposer(here);
}

function toggleRange(here) {
  here.scene.hold(false);
  here.draft ??= newDraft(here);
  here.draft.timed = true;
  here.draft.start = here.draft.start === null ? here.scene.moment() : null;
  drawComposer(here);
}

/** From and to, in seconds of the clip; a range ends where one has wound the film to. */
function span(here) {
  const { draft } = here, now = here.scene.moment();
  if (!draft?.timed || now === null) return [null, null];
  if (draft.start === null) return [now, null];
  const [from, to] = [draft.start, now].sort((a, b) => a - b);
  return [from, to > from ? to : null];
}

function answerTo(here, comment) {
  giveUp(here);
  here.draft = { ...newDraft(here), asset: comment.asset_id, timed: false, answers: comment.parent_comment_id ?? comment.id, to: comment.author_name, speaksTo: comment.visibility };
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

/** Gone for good, so the button is pressed twice. */
async function removeRemark(here, { id }, button) {
  const { labels } = here.data;
  if (!button.classList.contains("sure")) {
    button.classList.add("sure");
    say(button, labels.sure);
    setTimeout(() => { button.classList.remove("sure"); say(button, labels.remove); }, SURE_MS);
    return;
  }
  try {
    await ask("DELETE", here.scene.path(id));
    here.comments = here.comments.filter((each) => each.id !== id && each.parent_comment_id !== id);
    here.scene.redraw();
  } catch (problem) { complain(here, problem.message || labels.offline); }
}

/** Says it. What was written stays until it has arrived. */
async function sendRemark(here) {
  const { labels } = here.data, { scene } = here, text = here.field.value.trim();
  if (!text || here.sending || !scene.mayWrite() || scene.asks?.()) return;
  const draft = here.draft ?? newDraft(here), [timecode_s, end_s] = span(here);
  here.sending = true;
  drawComposer(here);
  try {
    if (draft.edits) await ask("PATCH", scene.path(draft.edits), { text });
    else here.looksAt = (await scene.add(draft, { text, answers: draft.answers, region: draft.answers ? null : here.shape, timecode_s, end_s })).id;
    complain(here, "");
    giveUp(here);
    here.field.blur();
    await scene.reread();
  } catch (problem) {
    if (scene.failed?.(problem)) return;
    complain(here, problem.message || labels.offline);
  } finally { here.sending = false; }
  scene.redraw();
  bring(here, here.looksAt);
}

/** A comment into sight. */
function bring(here, id) {
  here.list.querySelector(`[data-id="${id}"]`)?.scrollIntoView({ block: "nearest" });
}

function complain(here, text) {
  say(here.problem, text);
}

// How it looks

/** The threads. */
function drawList(here) {
  const { labels } = here.data, { scene } = here, roots = scene.roots();
  const items = roots.flatMap((root) => [root, ...here.comments.filter(({ parent_comment_id: id }) => id === root.id)]);
  reconcile(here.list, here.threads, items, makeComment, (node, comment) => paintComment(here, node, comment));
  here.silence.hidden = items.length > 0;
  say(here.silence, scene.isRead?.() === false ? "" : scene.mayWrite() ? labels.silence : labels.closed);
}

function makeComment({ id }) {
  return el("li", { "data-id": id },
    el("span", { class: "face", "aria-hidden": "true" }),
    el("div", { class: "said" }, el("p", { class: "by" }, el("b"), el("span", { class: "guest" }), el("span", { class: "chip inside", hidden: true }), el("time")), el("p", { class: "point" }, el("span", { class: "shot" }), el("button", { type: "button", class: "moment", "data-act": "jump" }), el("span", { class: "drawn" })), el("p", { class: "text" }), el("p", { class: "deeds" })));
}

function paintComment(here, node, comment) {
  const { labels } = here.data, { scene } = here, part = (name) => node.querySelector(name), isRoot = !comment.parent_comment_id;
  node.item = comment;
  node.className = [isRoot ? "root" : "answer", comment.id === here.looksAt && "looked-at", comment.is_resolved && "resolved"].filter(Boolean).join(" ");
  say(part(".face"), initial(comment.author_name));
  part(".face").style.setProperty("--hue", hueOf(comment.author_name));
  say(part(".by b"), comment.author_name);
  say(part(".guest"), scene.by(comment));
  scene.mark?.(part(".inside"), comment);
  say(part("time"), when(comment.created_at, labels.language));
  say(part(".shot"), scene.place(comment));
  part(".point").hidden = !isRoot || (!scene.place(comment) && comment.timecode_s === null && !comment.region);
  part(".moment").hidden = comment.timecode_s === null;
  say(part(".moment"), comment.timecode_s === null ? "" : moments(here, comment.timecode_s, comment.end_s, comment));
  part(".drawn").replaceChildren(...(comment.region ? [icon({ pin: "pin", box: "area", strokes: "pen" }[comment.region.kind])] : []));
  say(part(".text"), comment.text);
  const deeds = scene.deeds(comment), isSettled = isRoot && comment.is_resolved, looks = [isSettled, ...deeds].join();
  if (node.looks === looks) return;
  node.looks = looks;
  part(".deeds").replaceChildren(...(isSettled ? [el("span", { class: "settled" }, icon("check"), labels.resolved)] : []), ...deeds.map((name) => el("button", { type: "button", "data-act": name }, labels[name])));
}

function drawComposer(here) {
  const { labels } = here.data, { draft, scene } = here, { asset, isClip, isSeen } = scene.seen(), mayWrite = scene.mayWrite(), canDraw = isSeen && !draft?.answers && !draft?.edits;
  here.composer.classList.toggle("open", Boolean(draft || here.shape || scene.isOpen?.()));
  for (const part of [here.field, here.sender, here.row]) part.hidden = !mayWrite;
  here.field.disabled = !asset;
  here.sender.disabled = !here.field.value.trim() || Boolean(here.sending);
  for (const [name, button] of Object.entries(here.pens)) { button.hidden = !canDraw; press(button, here.tool === name || here.shape?.kind === name); }
  here.rangeKey.hidden = !canDraw || !isClip;
  press(here.rangeKey, draft?.start !== null && draft?.start !== undefined);
  here.answering.hidden = !draft?.answers && !draft?.edits;
  if (!here.answering.hidden) here.answering.replaceChildren(draft.edits ? labels.editing : fill(labels.answering, { name: draft.to }), el("button", { type: "button", "data-act": "quit", "aria-label": labels.quit }, icon("cross")));
  scene.drawComposer?.();
  drawDraftTime(here);
}

function drawDraftTime(here) {
  const { draft, scene } = here, canTime = scene.seen().isClip && !draft?.answers && !draft?.edits;
  here.when.hidden = !canTime;
  if (!canTime) return;
  const isTimed = draft?.timed ?? true, [from, to] = draft ? span(here) : [scene.moment(), null];
  press(here.when, isTimed);
  say(here.when, isTimed && from !== null ? moments(here, from, to) : here.data.labels.untimed);
  scene.drawSpan?.(draft && draft.start !== null && to !== null ? [from, to] : null);
}

/** A moment or a range of a clip, in words. */
function moments(here, from, to, comment) {
  const told = here.scene.told ?? ((seconds) => seconds);
  return [from, to].filter((seconds) => typeof seconds === "number").map((seconds) => time(told(seconds, comment))).join(" – ");
}

const DOT_PX = 13, SAME = 0.02;     // dots so close, as a share of the bar, stand side by side

/** Who said something where, on the bar of a clip: comments with their places in 0..1. */
function dotsAt(places) {
  let last = -1, step = 0;
  return places.toSorted(([, a], [, b]) => a - b).map(([comment, at]) => {
    const dot = dotOf(comment);
    step = last >= 0 && at - last < SAME ? step + 1 : 0;
    if (!step) last = at;
    dot.style.left = `calc(${100 * last}% + ${step * DOT_PX}px)`;
    return dot;
  });
}

function dotOf(comment) {
  const words = `${comment.author_name}: ${comment.text.slice(0, 80)}`;
  const dot = el("button", { type: "button", class: comment.is_resolved ? "dot done-with" : "dot", "data-id": comment.id, title: words, "aria-label": words }, initial(comment.author_name));
  dot.style.setProperty("--hue", hueOf(comment.author_name));
  return dot;
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
