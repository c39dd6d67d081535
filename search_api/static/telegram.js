// The page as a Telegram Mini App. Telegram's own script is not loaded: the page's policy allows no further host.

const WEB = "https://web.telegram.org";

/** What Telegram appended to the address: { data: its signed initData, scheme: "light" | "dark" | "" }, or null. */
export function launched(hash) {
  const given = new URLSearchParams(hash.slice(1));
  if (!given.has("tgWebAppData")) return null;
  return { data: given.get("tgWebAppData"), scheme: schemeOf(given.get("tgWebAppThemeParams")) };
}

/** Telegram may be dark while the phone is light. Only that is taken of its colours: ours are known to be legible. */
function schemeOf(params) {
  const color = /"bg_color"\s*:\s*"#([0-9a-f]{6})"/i.exec(params || "");
  if (!color) return "";
  const [red, green, blue] = [0, 2, 4].map((at) => parseInt(color[1].slice(at, at + 2), 16));
  return 0.299 * red + 0.587 * green + 0.114 * blue < 128 ? "dark" : "light";
}

/** Sends Telegram an event, in whichever way this client of it listens; false where there is none to listen. */
export function toTelegram(name, data = {}) {
  const proxy = window.TelegramWebviewProxy;
  if (proxy && proxy.postEvent) {
    proxy.postEvent(name, JSON.stringify(data));
  } else if (window.external && typeof window.external.notify === "function") {
    window.external.notify(JSON.stringify({ eventType: name, eventData: data }));
  } else if (window.parent !== window) {
    window.parent.postMessage(JSON.stringify({ eventType: name, eventData: data }), WEB);
  } else {
    return false;
  }
  return true;
}
