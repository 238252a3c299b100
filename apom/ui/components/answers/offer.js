// What people may decide about takes: the buttons, the questions before what costs money, the way to the server, and the
// words for what came of it.

const DEEDS_AT_ONCE = 50;          // takes in one request: it is answered within a second or two
const MAIN_DEEDS = ["check_again", "retry_download", "keep", "again", "paste_task_id"];

/** A button for a deed; what it does is its title. */
function deedButton(here, deed, n = 0) {
  const { deeds, deedHints } = here.data.labels;
  return el("button", { type: "button", class: "deed", "data-deed": deed, title: deedHints[deed] }, n ? `${deeds[deed]} (${n})` : deeds[deed]);
}

/** The buttons for everything that may be done about a take; the first one is what is most likely wanted. */
function deedButtons(here, deeds) {
  const buttons = deeds.map((deed) => deedButton(here, deed));
  if (MAIN_DEEDS.includes(deeds[0])) buttons[0]?.classList.add("main");
  return buttons;
}

/** What may be done about an item of the queue by its reader. */
function deedsFor({ role, status, answers }) {
  if (role === "VIEWER") return [];
  if (["PENDING", "PROCESSING"].includes(status)) return ["cancel"];
  return ["FAILED", "CANCELLED"].includes(status) ? [...answers, "again"] : answers;
}

/**
 * Asks where it has to be asked, then does it to these items, in small batches. Resolves to {takes, refused}, or null when
 * the person thought better of it. `begun(ids)`: it is under way.
 */
async function doDeed(here, deed, items, begun = () => {}) {
  const ids = items.map((item) => item.asset_id);
  if (deed === "paste_task_id") return pasteTask(here, items[0], begun);
  if (!await isMeant(here, deed, items)) return null;
  begun(ids);
  const sum = { takes: [], refused: [] };
  for (let at = 0; at < ids.length; at += DEEDS_AT_ONCE) {
    const some = ids.slice(at, at + DEEDS_AT_ONCE), body = { asset_ids: some, deed, may_bill_again: deed === "regenerate" };
    try {
      const { takes, refused } = await patiently(() => ask("POST", "/api/queue/decide", body));
      sum.takes.push(...takes);
      sum.refused.push(...refused);
    } catch (problem) {
      sum.refused.push(...ids.slice(at).map((id) => ({ asset_id: id, detail: problem.message || here.data.labels.offline })));
      break;
    }
  }
  return sum;
}

/** Only what costs money again, and what loses what is under way for many, is asked about. */
function isMeant(here, deed, items) {
  const { labels } = here.data, n = items.length;
  const isAsked = deed === "regenerate" || (n > 1 && ["cancel", "give_up", "again"].includes(deed));
  if (!isAsked) return true;
  const price = deed === "regenerate" || deed === "again" ? priceOf(labels, items) : "";
  const question = [counted(labels, `ask_${deed}`, n), price && fill(labels.price, { price })].filter(Boolean).join(" ");
  return askFor(here, el("p", {}, question), labels.deeds[deed], labels.leave);
}

/** What these would cost by their estimates, unit by unit: "120 credits + 2.5 USD". */
function priceOf(labels, items) {
  const sums = new Map();
  for (const { cost_estimate: cost, cost_unit: unit } of items) if (cost) sums.set(unit ?? "", (sums.get(unit ?? "") ?? 0) + cost);
  return [...sums].map(([unit, sum]) => `${Number(sum.toPrecision(6))} ${labels.units[unit] ?? unit}`.trim()).join(" + ");
}

async function pasteTask(here, item, begun) {
  const { labels } = here.data;
  const field = el("input", { type: "text", name: "task", required: true, maxlength: 200, autocomplete: "off", spellcheck: "false" });
  const wrong = el("p", { class: "wrong", role: "alert" });
  const form = el("div", { class: "paste" }, el("p", {}, fill(labels.pasteHint, { provider: item.provider_title })),
    el("label", {}, el("span", {}, labels.taskId), field), wrong);
  for (;;) {
    if (!await askFor(here, form, labels.deeds.paste_task_id, labels.leave)) return null;
    begun([item.asset_id]);
    try {
      return { takes: [await ask("POST", `/api/assets/${item.asset_id}/task-id`, { task_id: field.value })], refused: [] };
    } catch (problem) {
      say(wrong, problem.message || labels.offline);         // the words stay, so that a slip can be mended
    }
  }
}

/** A question with two ways out; resolves to whether the answer was yes. */
async function askFor(here, body, yes, no) {
  return await choose(here, body, [el("button", { value: "", formnovalidate: true, class: "deed" }, no), el("button", { value: "yes", class: "deed main" }, yes)]) === "yes";
}

/** A dialog over the page; resolves to the value of the button that was pressed, "" for none. */
function choose(here, body, buttons) {
  here.asking ??= here.root.appendChild(el("dialog", { class: "asking", "aria-label": here.data.labels.question }));
  for (const button of buttons) set(button, "type", "submit");
  const form = el("form", { method: "dialog" }, body, el("div", { class: "ways" }, ...buttons)), before = here.root.activeElement;
  here.asking.replaceChildren(form);
  here.asking.returnValue = "";
  here.asking.showModal();
  form.querySelector("input, .main")?.focus();
  return new Promise((done) => { here.asking.onclose = () => { before?.focus?.(); done(here.asking.returnValue); }; });
}

/** A take of which only the id is known, as the queue has it. Raises what `ask` raises, and says when it waits no more. */
async function queued(here, id) {
  const [item] = await ask("GET", `/api/queue/items?id=${id}`);
  if (!item) throw new Error(here.data.labels.answered);
  return item;
}

/** Offers everything that can be done about a take, in a dialog; resolves as `doDeed`. */
async function offerDeeds(here, id) {
  try {
    const item = await queued(here, id), { labels } = here.data;
    const buttons = deedButtons(here, deedsFor(item));
    for (const button of buttons) set(button, "value", button.dataset.deed);
    const deed = await choose(here, el("p", {}, item.error_message ?? ""), [...buttons, el("button", { value: "", class: "deed" }, labels.leave)]);
    return deed ? doDeed(here, deed, [item]) : null;
  } catch (problem) {
    return { takes: [], refused: [{ asset_id: id, detail: problem.message || here.data.labels.offline }] };
  }
}

/** One sentence for what came of it: how many went well, and why the others did not. */
function sumUp(here, deed, { takes, refused }) {
  const { labels } = here.data, reasons = new Map();
  for (const { detail } of refused) reasons.set(detail, (reasons.get(detail) ?? 0) + 1);
  const well = takes.length ? [counted(labels, `did_${deed}`, takes.length)] : [];
  const not = [...reasons].map(([detail, n]) => (takes.length + refused.length > 1 ? `${counted(labels, "refused", n)}: ${detail}` : detail));
  return [...well, ...not].join(" ");
}
