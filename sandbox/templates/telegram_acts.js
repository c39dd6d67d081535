"use strict";
let user = null;   // the person of the open chat, as the server tells
let editing = null;
let bot = {};

async function post(id, body) {
  const form = body instanceof FormData;
  const order = form ? { method: "POST", body } : { method: "POST", body: JSON.stringify(body) };
  try {
    const answer = await fetch("/telegram/_chat/" + id, order);
    const told = await answer.json();
    if (!answer.ok) toast(told.error);
    return answer.ok ? told : null;
  } catch {
    toast("Песочница не отвечает");
    return null;
  }
}

const send = (body) => post(user.id, body);

let hiding = 0;
function toast(text) {
  $("toast").textContent = text;
  $("toast").showPopover();
  clearTimeout(hiding);
  hiding = setTimeout(() => $("toast").hidePopover(), 4000);
}

function tell(notice) {
  if (notice.url) open(notice.url, "_blank", "noopener");
  if (!notice.text) return;
  if (!notice.alert) { toast(notice.text); return; }
  $("alert-text").textContent = notice.text;
  $("alert").showModal();
}

// A link to this very bot opens no page: it starts the bot with what stands behind "start=".
function follow(url) {
  const start = new RegExp("^(?:https?://t\\.me/|tg://resolve\\?domain=)" + bot.username + "[?&]start=([\\w-]{1,64})$", "i").exec(url);
  if (start) send({ text: "/start " + start[1] });
  else if (/^https?:/i.test(url)) open(url, "_blank", "noopener");
}

// A Mini App opens in a tab of its own, told who the person is, and of what colours this page is.
async function launch(app, id) {
  const told = await send({ press: app.url, ...(id && { id }) });
  if (!told) return;
  const [at, given] = [new URL(told.launch), getComputedStyle(document.documentElement)];
  const handed = new URLSearchParams(at.hash.slice(1));
  const names = { bg_color: "--sheet", text_color: "--ink", hint_color: "--soft", button_color: "--accent", button_text_color: "--accent-ink" };
  const theme = Object.entries(names).map(([name, color]) => [name, given.getPropertyValue(color).trim()]);
  handed.set("tgWebAppThemeParams", JSON.stringify(Object.fromEntries(theme)));
  at.hash = handed.toString();
  open(at.href, "_blank", "noopener");
}

async function press(entry, one, pressed) {
  if (one.web_app) { launch(one.web_app, entry.id); return; }
  if (one.url) { follow(one.url); return; }
  pressed.setAttribute("aria-busy", "true");
  await send({ press: one.callback_data, id: entry.id });
  setTimeout(() => pressed.removeAttribute("aria-busy"), 1500);
}

function startEdit(entry) {
  editing = entry;
  $("editing").hidden = false;
  $("editing-text").textContent = entry.text;
  $("text").value = entry.text;
  $("text").focus();
}

function stopEdit() {
  editing = null;
  $("editing").hidden = true;
  $("text").value = "";
}

async function say() {
  const text = $("text").value.trim();
  if (!text || !user) return;
  const told = await send(editing ? { edit: { n: editing.n, text } } : { text });
  if (told) stopEdit();
}

$("composer").addEventListener("submit", (event) => { event.preventDefault(); say(); });
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); say(); }
  if (event.key === "Escape" && editing) stopEdit();
});
$("edit-stop").addEventListener("click", stopEdit);
$("start").addEventListener("click", () => {
  if (user.blocked) { send({ block: false }); return; }
  const payload = new URLSearchParams(location.search).get("start");
  send({ text: payload ? "/start " + payload : "/start" });
});

for (const choice of document.querySelectorAll("[data-pick]")) {
  choice.addEventListener("click", () => {
    $("pick").name = choice.dataset.pick;
    $("pick").accept = choice.dataset.pick === "photo" ? "image/*" : "";
    $("pick").click();
    $("attach").hidePopover();
  });
}
$("pick").addEventListener("change", () => {
  upload($("pick").name, [...$("pick").files]);
  $("pick").value = "";
});

async function upload(field, files) {
  if (!files.length || !user) return;
  const form = new FormData();
  for (const file of files) form.append(field, file, file.name);
  const caption = $("text").value.trim();
  if (caption && !editing) form.append("caption", caption);
  if (await send(form) && !editing) $("text").value = "";
}
$("scroll").addEventListener("dragover", (event) => event.preventDefault());
$("scroll").addEventListener("drop", (event) => { event.preventDefault(); upload("document", [...event.dataTransfer.files]); });
$("text").addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) { event.preventDefault(); upload("photo", [...event.clipboardData.files]); }
});

$("own-contact").addEventListener("click", () => {
  $("attach").hidePopover();
  send({ contact: { phone_number: user.phone, user_id: user.id } });
});
$("other-contact").addEventListener("click", () => {
  $("attach").hidePopover();
  const other = user.id === 1 ? 2 : 1;
  send({ contact: { phone_number: "+99290000000" + other, user_id: other } });
});

const PAPERS = { front: "Лицо", back: "Оборот", selfie: "Селфи", old_front: "Старая, лицо", old_back: "Старая, оборот" };
let known = null;

async function samples() {
  known ??= fetch("/_people").then((answer) => answer.json()).catch(() => []);
  const person = (await known).find((one) => one.phone === user.phone);
  const tiles = person ? Object.entries(PAPERS).map(([page, name]) => sample(`/_people/${person.crmid}/${page}.jpg`, page, name)) : [];
  $("samples").querySelector("ul").replaceChildren(...tiles);
  $("samples").hidden = !tiles.length;
  settle($("attach"));
}

function sample(url, page, name) {
  const picture = make("img");
  const fresh = () => url + "?n=" + Math.floor(Math.random() * 1e9);
  Object.assign(picture, { src: fresh(), alt: "", width: 96, height: 64 });
  const tile = make("li", "", button("", () => sendSample(fresh(), page), picture, name));
  picture.addEventListener("error", () => {
    tile.remove();
    if (!$("samples").querySelector("li")) $("samples").hidden = true;
    settle($("attach"));
  });
  return tile;
}

async function sendSample(url, page) {
  $("attach").hidePopover();
  try {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(String(answer.status));
    upload($("as-file").checked ? "document" : "photo", [new File([await answer.blob()], page + ".jpg", { type: "image/jpeg" })]);
  } catch {
    toast("Образца нет");
  }
}

$("block").addEventListener("click", () => { $("more-menu").hidePopover(); send({ block: !user.blocked }); });

// A menu opens above (or below) the button that it belongs to.
function settle(menu) {
  const place = document.querySelector(`[popovertarget="${menu.id}"]`).getBoundingClientRect();
  const above = place.top > innerHeight / 2;
  menu.style.left = Math.max(8, Math.min(place.left, innerWidth - menu.offsetWidth - 8)) + "px";
  menu.style.top = above ? "auto" : place.bottom + 4 + "px";
  menu.style.bottom = above ? innerHeight - place.top + 4 + "px" : "auto";
}

for (const menu of document.querySelectorAll(".menu")) {
  menu.addEventListener("toggle", (event) => {
    if (event.newState !== "open") return;
    settle(menu);
    if (menu.id === "attach") samples();
    menu.querySelector("button")?.focus();
  });
}
