export default function (component) {
  const here = remember(component, start);
  draw(here);
  return here.end;
}

function start(here) {
  here.box = here.root.querySelector(".answers");
  here.box.addEventListener("click", (event) => {
    const button = event.target.closest("[data-deed]");
    if (button) onDeed(here, button.dataset.deed);
  }, here.while);
}

function draw(here) {
  const { answers, labels } = here.data;
  set(here.box, "aria-label", labels.decide);
  if (here.drawn === answers.join()) return;
  here.drawn = answers.join();
  here.box.replaceChildren(...deedButtons(here, answers));
}

async function onDeed(here, deed) {
  const { id } = here.data, lock = (on) => { for (const button of here.box.children) button.disabled = on; };
  let sum = null;
  lock(true);
  try {
    sum = await doDeed(here, deed, [await queued(here, id)]);
  } catch (problem) {
    sum = { takes: [], refused: [{ asset_id: id, detail: problem.message || here.data.labels.offline }] };
  }
  lock(false);
  if (!sum) return;
  notice(here, sumUp(here, deed, sum));
  if (sum.takes.length) act(here, "decided", id);
}
