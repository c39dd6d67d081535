"use strict";
const ACTIONS = { typing: "печатает", upload_photo: "отправляет фото", upload_document: "отправляет файл" };
const seen = new Map();   // user id → the newest change that was looked at
let watching = null;
let after = 0;
let noticed = 0;
let quiet = 0;
let shownKeyboard = "";

const atEnd = () => $("scroll").scrollHeight - $("scroll").scrollTop - $("scroll").clientHeight < 80;

function toEnd() {
  $("scroll").scrollTo({ top: $("scroll").scrollHeight, behavior: "instant" });
}

function place(entry) {
  const old = $("log").querySelector(`[data-id="${entry.id}"]`);
  if (entry.deleted) { if (old) vanish(old); return; }
  const row = drawn(entry);
  if (old) {
    row.style.animation = "none";
    row.querySelector(".bubble").classList.add("flash");
    old.replaceWith(row);
    return;
  }
  const day = calendar.format(new Date(entry.at * 1000));
  if ($("log").dataset.day !== day) $("log").append(make("li", "day", day));
  $("log").dataset.day = day;
  $("log").append(row);
}

function vanish(row) {
  row.style.maxHeight = row.offsetHeight + "px";
  row.classList.add("gone");
  row.addEventListener("animationend", () => row.remove(), { once: true });
}

function show(told, first) {
  const follows = first || atEnd();
  if (told.n < after) clearLog();
  for (const entry of told.messages.sort((a, b) => a.id - b.id)) place(entry);
  after = told.n;
  seen.set(told.user.id, told.n);
  document.body.classList.add("somebody");
  user = { ...told.user, blocked: told.blocked };
  bot = told.bot;
  surroundings(told);
  if (told.notice && told.notice.n > noticed) {
    noticed = told.notice.n;
    if (!first) tell(told.notice);
  }
  if (follows) requestAnimationFrame(toEnd);
  if (first || !document.activeElement || document.activeElement === document.body) takeFocus();
}

// Where nobody has put it, the focus is where one writes; on a phone that would open the keyboard.
function takeFocus() {
  if (!$("start").hidden) $("start").focus();
  else if (matchMedia("(hover: hover)").matches) $("text").focus();
}

function surroundings(told) {
  const empty = !$("log").children.length;
  $("bot-name").textContent = $("intro-name").textContent = told.bot.name;
  $("intro-text").textContent = told.bot.description || "Здесь пока пусто. Нажмите «Начать».";
  $("intro").hidden = !empty;
  $("start").hidden = !(empty || told.blocked);
  $("start").textContent = told.blocked ? "Разблокировать" : "Начать";
  $("composer").hidden = empty || told.blocked;
  $("block").textContent = told.blocked ? "Разблокировать бота" : "Заблокировать бота";
  $("me").textContent = `Вы: ${told.user.name}, ${told.user.phone || "без телефона"}`;
  $("me-short").textContent = told.user.name;
  avatar($("me-avatar"), told.user.name, told.user.id);
  acting(told);
  commands(told);
  keyboard(told);
}

function acting(told) {
  clearTimeout(quiet);
  $("status").textContent = told.blocked ? "заблокирован" : told.action ? ACTIONS[told.action] || "занят" : "бот";
  $("status").classList.toggle("acting", Boolean(told.action));
  if (told.action) quiet = setTimeout(() => acting({ ...told, action: "" }), 5000);
}

function commands(told) {
  const own = told.menu.type === "web_app";
  $("menu").hidden = !own && !told.commands.length;
  $("menu-text").textContent = own ? told.menu.text : "Меню";
  $("menu").setAttribute("aria-label", own ? told.menu.text : "Команды бота");
  $("commands").replaceChildren(...(own ? [button("", () => launch(told.menu.web_app), told.menu.text)] : []),
    ...told.commands.map((one) => button("", () => {
      $("commands").hidePopover();
      send({ text: "/" + one.command });
    }, make("span", "", one.description), make("b", "", "/" + one.command))));
}

function keyboard(told) {
  const written = JSON.stringify(told.keyboard);
  if (written === shownKeyboard) { $("keyboard").hidden ||= told.blocked; return; }
  shownKeyboard = written;
  const rows = told.keyboard?.keyboard || [];
  $("keyboard").replaceChildren(...rows.map((row) => make("div", "", ...row.map((one) =>
    button("", () => { if (told.keyboard.one_time_keyboard) unfold(false); send({ press: one.text }); }, one.text)))));
  $("keys").hidden = !rows.length;
  $("text").placeholder = told.keyboard?.input_field_placeholder || "Сообщение";
  unfold(rows.length > 0);
}

function unfold(open) {
  $("keyboard").hidden = !open;
  $("keys").setAttribute("aria-expanded", String(open));
  toEnd();
}
$("keys").addEventListener("click", () => unfold($("keyboard").hidden));

function clearLog() {
  $("log").replaceChildren();
  delete $("log").dataset.day;
  after = noticed = 0;
}

async function watch(id) {
  watching?.abort();
  const mine = watching = new AbortController();
  clearLog();
  shownKeyboard = "";
  let first = true;
  while (!mine.signal.aborted) {
    try {
      const wait = first ? 0 : 25;
      const answer = await fetch(`/telegram/_chat/${id}/live?after=${after}&wait=${wait}`, { signal: mine.signal, cache: "no-store" });
      const told = await answer.json();
      if (mine.signal.aborted) return;
      show(told, first);
      if (!first) refresh();
      first = false;
    } catch {
      if (mine.signal.aborted) return;
      $("status").textContent = "песочница не отвечает";
      await new Promise((wake) => setTimeout(wake, 1000));
    }
  }
}

function choose(id) {
  stopEdit();
  peopleOpen(false);
  history.replaceState(null, "", location.search + "#" + id);
  watch(id);
  refresh();
}

function line(one) {
  const current = String(one.id) === location.hash.slice(1);
  const made = button("", () => choose(one.id), avatar(make("span", "avatar"), one.name, one.id), make("b", "", one.name),
    one.at ? time(one.at) : "", make("small", "", (one.from === "user" ? "Вы: " : "") + (one.text || one.phone)));
  made.setAttribute("aria-current", String(current));
  if (!current && one.from === "bot" && one.n > (seen.get(one.id) || 0)) {
    made.append(make("span", "fresh", make("span", "hidden", "есть новое")));
  }
  return make("li", "", made);
}

let listed = "";
async function refresh() {
  const answer = await fetch("/telegram/_chats", { cache: "no-store" }).catch(() => null);
  if (!answer) return null;
  const people = await answer.json();
  people.sort((a, b) => a.id - b.id);
  const written = JSON.stringify([people, location.hash]);
  if (written !== listed) {
    const focused = [...$("list").children].findIndex((item) => item.contains(document.activeElement));
    $("list").replaceChildren(...people.map(line));
    $("list").children[focused]?.firstChild.focus();
  }
  listed = written;
  return people;
}

const narrow = matchMedia("(max-width: 48rem)");
function peopleOpen(open) {
  $("people").classList.toggle("open", open);
  $("switch").setAttribute("aria-expanded", String(open));
  $("chat").inert = open && narrow.matches;
  if (open) $("close-people").focus();
}
$("switch").addEventListener("click", () => peopleOpen(true));
$("close-people").addEventListener("click", () => { peopleOpen(false); $("switch").focus(); });
$("people").addEventListener("keydown", (event) => { if (event.key === "Escape") peopleOpen(false); });
$("add").addEventListener("click", () => $("new").showModal());
$("scroll").addEventListener("scroll", () => { $("down").hidden = atEnd(); });
$("down").addEventListener("click", toEnd);

async function enter(id, person) {
  if (await post(id, { user: person })) { $("new").close(); choose(id); }
}
for (const one of $("cast").querySelectorAll("button")) {
  const { id, first, last, phone, language } = one.dataset;
  avatar(one.querySelector(".avatar"), `${first} ${last}`, Number(id));
  one.addEventListener("click", () => enter(Number(id), { first_name: first, last_name: last, phone, language_code: language }));
}
$("find").addEventListener("input", () => {
  const wanted = $("find").value.trim().toLowerCase();
  for (const item of $("cast").children) item.hidden = !item.textContent.toLowerCase().includes(wanted);
});
$("invent").addEventListener("submit", (event) => {
  event.preventDefault();
  const given = Object.fromEntries(new FormData($("invent")));
  const person = { first_name: given.first_name, last_name: "", language_code: given.language_code };
  const id = Number($("invent").dataset.from) + Math.floor(Math.random() * 1e6);
  enter(id, given.phone ? { ...person, phone: given.phone } : person);
});
$("clear").addEventListener("click", async () => {
  $("more-menu").hidePopover();
  const { id, phone, language_code } = user;
  await fetch("/telegram/_chat/" + id, { method: "DELETE" });
  await post(id, { user: { language_code, ...(phone && { phone }) } });
});

async function begin() {
  const people = await refresh();
  const id = Number(location.hash.slice(1)) || people?.[0]?.id;
  if (id) choose(id);
  else $("new").showModal();
  setInterval(() => { if (!document.hidden) refresh(); }, 2500);
}
begin();
