// The liveness page: what the server says (its phase), what the person pressed, what the camera does → one view.

import { Refused, doorAt } from "./door.js";
import { keeping, secret } from "./keeping.js";
import * as screen from "./screen.js";
import { launched, toTelegram } from "./telegram.js";
import { startWidget } from "./widget.js";

const { $, word } = screen;
const { locale, script, chat, help } = $("page").dataset;
const TICKET = location.pathname.split("/").pop();
const LOOK = { preparing: 1000 }; // milliseconds from one look to the next, by phase
const LOOK_ELSE = 2000;

/** `slow`: after so many seconds the view says that it takes long, and offers ways out. */
const VIEWS = {
  intro: { parts: ["intro"] },
  preparing: { parts: ["wait"], slow: 8 },
  running: { parts: ["stage"] },
  outside: { parts: ["outside"], ways: true },
  checking: { parts: ["wait"], slow: 20, back: true },
  failed: { parts: [], ways: true, back: true },
  passed: { parts: ["mark"], end: true },
  over: { parts: [], end: true },
  elsewhere: { parts: [], end: true },
};
const DEAD = new Set(["denied", "no_camera", "busy", "unsupported", "script", "start"]); // the widget shows nothing
const UNTRIED = new Set(["unsupported", "script", "slow"]); // the widget was not started: its session is still good
const TOLD = { unanswered: "silent", slow: "script", long: "" }; // the server's word for a fault, where it is not ours

const telegram = launched(location.hash);
const door = doorAt(location.pathname, (what) => screen.line("notice", what && word(what)));
/**
 * opened: the server has answered this device. go: start was pressed. outside: "hosted" or "browser", where the check
 * goes on beside this tab.
 */
const blank = { device: "", opened: false, go: false, telegram: false, scheme: "", outside: "" };
const { kept, keep } = keeping(`liveness:${TICKET}`, blank);
const now = { answer: {}, view: "", since: 0, due: 0, fault: "", opened: false, finished: "", leaving: false };
const running = { id: "", end: null, told: new Set() };
let initData = telegram ? telegram.data : "";

// --- What the server is told, and what it says

/** Whether it was heard; what came of it is drawn. */
async function tell(event, more = {}, once = false) {
  try {
    const answer = await door.tell(event, more, once);
    now.leaving = event === "again";
    take(answer);
    return true;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    refused(event, error);
    return false;
  }
}

function take(answer) {
  now.answer = answer;
  Object.assign(kept, { device: door.device, opened: true });
  keep();
  draw();
}

function refused(event, error) {
  if (event === "finish" || event === "trouble") return; // the next look tells how it stands
  if (event === "open" && initData && error.status === 401) { // stale: the link itself may still be unused
    initData = "";
    if (kept.go) open();
  } else if (error.status === 429 || error.status === 409 && event !== "open") {
    kept.go = kept.go && kept.opened;
    screen.line("refusal", error.text);
    draw();
  } else {
    take({ phase: "over", text: error.text });
  }
}

/** The browser brings its own secret: where the answer gets lost, the same one may ask again. */
function open() {
  kept.device = door.device = kept.device || secret();
  keep();
  return tell("open", initData ? { init_data: initData } : {}, true);
}

// --- One view out of all that

function viewNow() {
  const { phase, session } = now.answer;
  if (phase === "failed" || VIEWS[phase] && VIEWS[phase].end) return phase;
  if (!kept.go) return "intro";
  if (phase === "checking" || session && session === now.finished) return "checking";
  if (phase !== "ready" || !session) return "preparing";
  return kept.outside ? "outside" : "running";
}

function draw() {
  if (now.leaving) return;
  const name = viewNow();
  if (name !== now.view) Object.assign(now, { view: name, since: performance.now(), fault: "", opened: false });
  if (name === "running") run(now.answer.session);
  else stop();
  const { parts, end, ways, back, slow } = VIEWS[name];
  const late = slow && seconds() >= slow;
  const key = name === "outside" ? kept.outside : name;
  const told = (end || name === "failed") && now.answer.text || word(late ? `${key}_slow` : `${key}_text`);
  const [title, text] = now.fault ? [word("fault_title"), faultText()] : [word(`${key}_title`), told];
  screen.show(name, title, text, DEAD.has(now.fault) ? [] : parts);
  const offered = ways || late || now.opened || Boolean(now.fault);
  drawWays(name, offered);
  $("stuck").hidden = name !== "running" || Boolean(now.fault);
  $("back").hidden = !chat || !(end || back || offered);
  $("back").classList.toggle("main", Boolean(end));
  $("seconds").textContent = slow && seconds() > 1 ? word("seconds", { seconds: seconds() }) : "";
}

function drawWays(name, offered) {
  const address = /^https?:\/\//.test(now.answer.hosted || "") ? now.answer.hosted : "";
  for (const link of ["hosted", "reopen"]) $(link).href = address || location.pathname;
  $("outside").hidden = kept.outside !== "hosted" || name !== "outside" || !address;
  const waiting = Boolean(VIEWS[name].slow); // for us; no other way is faster
  screen.panel(offered, [
    ...waiting || now.fault === "unsupported" ? [] : ["again"],
    ...kept.telegram && !waiting ? ["browser"] : [],
    ...waiting ? [] : ["another"],
    ...address && !waiting && kept.outside !== "hosted" ? ["hosted"] : [],
    "person",
    ...name === "running" && !DEAD.has(now.fault) ? ["stay"] : [],
  ]);
}

function faultText() {
  const name = now.fault === "denied" && kept.telegram ? "denied_telegram" : now.fault;
  return word(`fault_${name}`);
}

const seconds = () => Math.floor((performance.now() - now.since) / 1000);

// --- The widget

function run(session) {
  if (running.id === session) return;
  stop();
  running.id = session;
  running.end = startWidget({ address: script, id: session, locale, fault, finished });
}

function stop() {
  if (running.end) running.end();
  Object.assign(running, { id: "", end: null, told: new Set() });
}

function fault(name) {
  now.opened = now.opened || !name && screen.unfolded(); // somebody is reading there: the panel stays
  now.fault = name;
  draw();
  if (!name) return;
  screen.say(faultText());
  screen.takeFocus($("ways-title"));
  const what = name in TOLD ? TOLD[name] : name;
  if (what && !running.told.has(what)) tell("trouble", { what });
  running.told.add(what);
}

function finished() {
  now.finished = now.answer.session;
  tell("finish");
  draw();
}

// --- What a person can press

const acts = {
  start() {
    kept.go = true;
    keep();
    draw();
    return kept.opened ? undefined : open();
  },

  /** A fresh page for a fresh session: a script that failed is not fetched again in the same one. */
  async again() {
    if (!UNTRIED.has(now.fault) && !await tell("again", {}, true)) return;
    kept.outside = "";
    now.leaving = keep();
    if (now.leaving) {
      location.reload();
    } else {
      stop();
      draw();
    }
  },

  async another() {
    if (!screen.unfolded("link")) await newLink();
    else screen.unfold("another", "link", false);
  },

  async browser() {
    if (!await newLink()) return;
    kept.outside = "browser"; // the camera is let go, for the browser
    keep();
    draw();
    goTo(now.answer.link.address);
  },

  hosted(event) {
    const { hosted } = now.answer;
    kept.outside = "hosted";
    keep();
    draw();
    if (kept.telegram && toTelegram("web_app_open_link", { url: hosted })) event.preventDefault();
    tell("hosted");
  },

  reopen(event) {
    if (kept.telegram && toTelegram("web_app_open_link", { url: now.answer.hosted })) event.preventDefault();
  },

  done: finished,
  copy: screen.copyAddress,

  person() {
    screen.unfold("person", "help", !screen.unfolded("help"));
  },

  stay() {
    Object.assign(now, { fault: "", opened: false });
    draw();
    $("stuck").focus();
  },

  stuck() {
    now.opened = !now.opened;
    draw();
    if (now.opened) $("ways-title").focus();
  },

  back(event) {
    if (kept.telegram && toTelegram("web_app_close")) event.preventDefault();
  },
};

async function newLink() {
  const heard = await tell("another", {}, true);
  if (!heard || !now.answer.link) return false;
  screen.showLink(now.answer.link);
  screen.unfold("another", "link", true);
  return true;
}

function goTo(url) {
  if (!toTelegram("web_app_open_link", { url })) window.open(url, "_blank", "noopener,noreferrer");
}

// --- And away

function step() {
  draw();
  const view = VIEWS[now.view];
  if (document.hidden || !kept.opened || view.end || door.busy() || performance.now() < now.due) return;
  now.due = performance.now() + (LOOK[now.answer.phase] || LOOK_ELSE);
  tell("look");
}

function begin() {
  if (telegram) {
    Object.assign(kept, { telegram: true, scheme: telegram.scheme });
    history.replaceState(null, "", location.pathname);
    toTelegram("web_app_ready");
    toTelegram("web_app_expand");
  }
  if (kept.scheme) document.documentElement.dataset.scheme = kept.scheme;
  screen.settle();
  $("help-text").textContent = help || word("help");
  door.device = kept.device;
  for (const [id, act] of Object.entries(acts)) $(id).addEventListener("click", (event) => press($(id), act, event));
  document.addEventListener("visibilitychange", () => { now.due = 0; step(); });
  draw();
  if (initData || kept.go && !kept.opened) open();
  else if (kept.opened) tell("look");
  setInterval(step, 500);
}

/** Pressed twice counts once, until it is done. */
async function press(button, act, event) {
  if (button.getAttribute("aria-busy") === "true") {
    event.preventDefault();
    return;
  }
  screen.line("refusal", "");
  button.setAttribute("aria-busy", "true");
  await act(event);
  button.removeAttribute("aria-busy");
}

begin();
