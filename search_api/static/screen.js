// What the person sees. Everything that came from the server is put in as text.

const words = JSON.parse(document.getElementById("words").textContent);

export const $ = (id) => document.getElementById(id);
export const word = (key, gaps = {}) =>
  (words[key] || "").replace(/\{(\w+)\}/g, (_all, name) => String(gaps[name]));

const PARTS = ["intro", "wait", "mark", "outside", "stage"];
const BOXES = [["another", "link"], ["person", "help"]];
let shown = "";

/** The words that never change, in their places. */
export function settle() {
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = word(element.dataset.word);
  $("late").remove();
}

/** One view: its name, title, text, and which parts belong to it. */
export function show(view, title, text, parts) {
  for (const part of PARTS) $(part).hidden = !parts.includes(part);
  put($("title"), title);
  put($("told"), text);
  if (view === shown) return;
  document.title = title;
  document.body.dataset.view = view;
  say(`${title}. ${text}`);
  if (shown) takeFocus($("title"));
  shown = view;
}

/** The focus moves only when what had it is gone, so that nobody is torn away from a button. */
export function takeFocus(heading) {
  const active = document.activeElement;
  if (!active || active === document.body || !active.getClientRects().length) heading.focus();
}

export function say(text) {
  $("said").textContent = text;
}

/** A line above everything, "notice" or "refusal", as long as it is true; "" takes it away. */
export function line(id, text) {
  put($(id), text);
  $(id).hidden = !text;
}

/** Not touched when nothing changes: a live region would be read out again. */
function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** The panel of ways out, with those buttons that are named; the first one is the one to press. */
export function panel(open, names) {
  $("ways").hidden = !open;
  $("stuck").setAttribute("aria-expanded", String(open));
  for (const button of $("ways").querySelectorAll(".buttons > .button")) {
    button.hidden = !names.includes(button.id);
    button.classList.toggle("main", button.id === names[0] && $("outside").hidden);
  }
  if (!open) for (const [button, box] of BOXES) unfold(button, box, false);
}

/** One box at a time, brought into sight. */
export function unfold(button, box, open) {
  for (const [other, its] of open ? BOXES : []) if (its !== box) unfold(other, its, false);
  $(box).hidden = !open;
  $(button).setAttribute("aria-expanded", String(open));
  if (open) $(box).scrollIntoView({ block: "nearest" });
}

/** Whether that box of the panel is open; without a name, any of them. */
export function unfolded(box) {
  return BOXES.some(([_button, one]) => (!box || box === one) && !$(one).hidden);
}

/** A link for another device: its picture as an <img>, in which nothing can run. */
export function showLink({ address, qr }) {
  $("qr").src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(qr)}`;
  $("qr").alt = word("qr");
  $("address").textContent = address;
  $("copy").textContent = word("copy");
}

export async function copyAddress() {
  const selection = window.getSelection();
  selection.selectAllChildren($("address"));
  try {
    await navigator.clipboard.writeText($("address").textContent);
  } catch (_refused) {
    if (!document.execCommand("copy")) return; // it is selected, at least
  }
  selection.removeAllRanges();
  $("copy").textContent = word("copied");
  say(word("copied"));
}
