"use strict";
const $ = (id) => document.getElementById(id);

function make(name, className, ...content) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", "#i-" + name);
  svg.append(use);
  return svg;
}

function button(className, click, ...content) {
  const made = make("button", className, ...content);
  made.type = "button";
  made.addEventListener("click", () => click(made));
  return made;
}

function avatar(place, name, id) {
  place.textContent = name.split(" ").map((word) => [...word][0]).slice(0, 2).join("").toUpperCase();
  place.style.setProperty("--hue", (id * 137.5) % 360);
  return place;
}

const clock = new Intl.DateTimeFormat("ru", { hour: "2-digit", minute: "2-digit" });
const calendar = new Intl.DateTimeFormat("ru", { day: "numeric", month: "long" });
const when = (seconds) => clock.format(new Date(seconds * 1000));

function time(seconds) {
  const made = make("time", "", when(seconds));
  made.dateTime = new Date(seconds * 1000).toISOString();
  return made;
}

// Entities are placed in UTF-16 units, which are the units of a string here too.
const TAGS = { bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", pre: "pre", blockquote: "q" };
const FOUND = /https?:\/\/[^\s<>]+|(?<![^\s])\/[a-z0-9_]{1,32}(?![^\s])/gi;

function marked(text, entities) {
  const given = (entities || []).filter((entity) => entity.type in TAGS || ["spoiler", "text_link"].includes(entity.type));
  const seen = [...text.matchAll(FOUND)].map((found) =>
    ({ type: found[0][0] === "/" ? "bot_command" : "url", offset: found.index, length: found[0].length }));
  const all = [...given, ...seen];
  const cuts = [...new Set([0, text.length, ...all.flatMap((one) => [one.offset, one.offset + one.length])])].sort((a, b) => a - b);
  return cuts.slice(1).map((end, index) => {
    const start = cuts[index];
    const over = all.filter((one) => one.offset <= start && one.offset + one.length >= end);
    return over.reduce((inner, one) => wrapped(inner, one, text.slice(start, end)), document.createTextNode(text.slice(start, end)));
  });
}

function wrapped(inner, entity, text) {
  if (entity.type === "bot_command") return button("command", () => send({ text }), inner);
  if (entity.type === "url" || entity.type === "text_link") return link(entity.url || text, "", inner);
  const made = make(TAGS[entity.type] || "span", entity.type === "spoiler" ? "spoiler" : "", inner);
  if (entity.type === "spoiler") made.tabIndex = 0;
  return made;
}

function link(url, className, ...content) {
  const made = make("a", className, ...content);
  if (/^(https?:|\/)/i.test(url)) made.href = url;
  made.target = "_blank";
  made.rel = "noopener noreferrer";
  return made;
}

function photo(entry) {
  const picture = make("img");
  Object.assign(picture, { src: entry.photo, alt: "Фото", width: entry.size.width, height: entry.size.height });
  return link(entry.photo, "photo", picture);
}

function size(bytes) {
  const [amount, unit] = bytes < 2 ** 20 ? [bytes / 2 ** 10, "КБ"] : [bytes / 2 ** 20, "МБ"];
  return amount.toLocaleString("ru", { maximumFractionDigits: 1 }) + " " + unit;
}

function paper(document_) {
  const tile = make("span", "avatar", icon("file"));
  const about = make("span", "", make("b", "", document_.file_name || "Файл"), make("small", "", size(document_.file_size)));
  return link(document_.url, "card", tile, about);
}

function contact(card) {
  const name = [card.first_name, card.last_name].filter(Boolean).join(" ");
  const about = make("span", "", make("b", "", name), make("small", "", card.phone_number));
  return make("div", "card", avatar(make("span", "avatar"), name, card.user_id || 0), about);
}

const KINDS = { voice: "🎤 Голосовое сообщение", video: "🎬 Видео", video_note: "⏺ Видеосообщение" };

function content(entry) {
  const parts = [make("span", "hidden", entry.from === "bot" ? "Бот: " : "Вы: ")];
  if (entry.forwarded) parts.push(make("div", "origin", "Пересланное сообщение"));
  if (entry.photo) parts.push(photo(entry));
  if (entry.document) parts.push(paper(entry.document));
  if (entry.contact) parts.push(contact(entry.contact));
  if (entry.sticker) parts.push(make("span", "text", entry.sticker.emoji + " Стикер"));
  for (const [kind, name] of Object.entries(KINDS)) if (entry[kind]) parts.push(make("span", "text", name));
  if (entry.text) parts.push(make("span", "text", ...marked(entry.text, entry.entities)));
  return parts;
}

function meta(entry) {
  const made = make("span", "meta");
  if (entry.has_protected_content) made.append(icon("lock"), make("span", "hidden", "нельзя переслать"));
  if (entry.edited) made.append("изменено");
  made.append(time(entry.at));
  return made;
}

function inlineButtons(entry) {
  const rows = entry.buttons.map((row) => make("div", "", ...row.map((one) => {
    const made = button("", (pressed) => press(entry, one, pressed), one.text);
    if (one.url || one.web_app) made.append(icon("out"));
    return made;
  })));
  return make("div", "buttons", ...rows);
}

function drawn(entry) {
  const row = make("li", "row " + entry.from);
  row.dataset.id = entry.id;
  const line = make("div", "line");
  if (entry.from === "user" && entry.text && !entry.photo && !entry.document) {
    const edit = button("edit", () => startEdit(entry), icon("edit"));
    edit.setAttribute("aria-label", "Изменить: " + entry.text);
    line.append(edit);
  }
  line.append(make("div", "bubble", ...content(entry), meta(entry)));
  row.append(line);
  if (entry.buttons.length) row.append(inlineButtons(entry));
  return row;
}
