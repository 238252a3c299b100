// The shots in order, below the film.

function startStrip(here) {
  here.strip = here.root.querySelector(".strip");
  here.cards = new Map();
  here.strip.addEventListener("click", (event) => {
    const card = event.target.closest("li");
    if (card) { pause(here); here.began = true; goTo(here, here.room.shots.findIndex(({ box_id: id }) => id === card.dataset.id)); }
  }, here.while);
}

function drawStrip(here) {
  const { room, data: { labels } } = here;
  set(here.strip, "aria-label", labels.shots);
  const items = room.shots.map((shot, i) => ({ id: shot.box_id, shot, isNow: i === here.at, talk: here.comments.filter(({ box_id: id }) => id === shot.box_id).length }));
  reconcile(here.strip, here.cards, items, makeShot, (node, item) => paintShot(here, node, item));
}

function makeShot({ id }) {
  return el("li", { "data-id": id },
    el("button", { type: "button" },
      el("span", { class: "frame" }, picture(), icon("frame"), el("span", { class: "fresh-mark" }), el("span", { class: "verdict-mark" }), el("span", { class: "talk-mark" }, icon("talk"), el("span"))),
      el("span", { class: "called" }, el("b"), el("span"))));
}

function paintShot(here, node, { shot, isNow, talk }) {
  const { labels } = here.data, part = (name) => node.querySelector(name);
  show(part("img"), shot.take?.thumbnail_url ?? shot.take?.file_url, shot.take?.placeholder, "");
  node.classList.toggle("bare", !shot.take);
  say(part(".called b"), shot.code);
  say(part(".called span"), shot.name);
  const fresh = part(".fresh-mark"), mark = part(".verdict-mark"), state = shot.verdict;
  fresh.hidden = !shot.changed;
  say(fresh, shot.changed ? labels.changes[shot.changed] : "");
  mark.hidden = !state;
  if (mark.dataset.verdict !== (state ?? "")) { mark.dataset.verdict = state ?? ""; mark.replaceChildren(...(state ? [icon(state === "APPROVED" ? "check" : "changes")] : [])); }
  part(".talk-mark").hidden = !talk;
  say(part(".talk-mark span"), talk || "");
  const words = [`${shot.code} ${shot.name}`, state && labels.verdicts[state], shot.changed && labels.changes[shot.changed], talk && counted(labels, "comments", talk), !shot.take && labels.noTake];
  set(part("button"), "aria-label", words.filter(Boolean).join(", "));
  set(part("button"), "aria-current", isNow ? "true" : null);
  if (isNow && here.shownCard !== node) { here.shownCard = node; node.scrollIntoView({ block: "nearest", inline: "nearest" }); }
}
