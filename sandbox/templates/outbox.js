"use strict";
const list = document.getElementById("messages");
const state = document.getElementById("state");
const filter = document.getElementById("filter");
let shown = null;

function element(name, text, className) {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function row(message) {
  const item = document.createElement("li");
  const meta = element("div", "", "meta");
  const time = element("time", new Date(message.at).toLocaleTimeString("ru"));
  time.dateTime = message.at;
  meta.append(time, element("span", message.to), element("span", message.gateway));
  const text = document.createElement("div");
  const code = message.text.match(/^\d{4,8}/);
  if (code) text.append(element("strong", code[0]));
  text.append(message.text.slice(code ? code[0].length : 0));
  item.append(meta, text);
  return item;
}

async function refresh() {
  const phone = filter.value.trim();
  const query = new URLSearchParams({ last: "50", ...(phone && { to: phone }) });
  try {
    const answer = await fetch("/sms/outbox?" + query, { cache: "no-store" });
    const body = await answer.text();
    if (body === shown) return;
    shown = body;
    const messages = JSON.parse(body).reverse();
    list.replaceChildren(...messages.map(row));
    state.textContent = messages.length ? "Сообщений: " + messages.length : "Пока пусто";
  } catch {
    shown = null;
    state.textContent = "Песочница не отвечает";
  }
}

async function watch() {
  if (!document.hidden) await refresh();
  setTimeout(watch, 1000);
}

filter.addEventListener("input", refresh);
document.getElementById("clear").addEventListener("click", async () => {
  await fetch("/sms/outbox", { method: "DELETE" });
  refresh();
});
for (const button of document.querySelectorAll(".phone")) {
  button.addEventListener("click", () => {
    filter.value = button.dataset.phone;
    document.getElementById("outbox").scrollIntoView();
    refresh();
  });
}
for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", async () => {
    const code = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Скопировано";
      setTimeout(() => { button.textContent = "Копировать"; }, 1500);
    } catch {
      getSelection().selectAllChildren(code);
    }
  });
}
watch();
