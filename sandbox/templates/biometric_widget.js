const running = new WeakMap(); // container → the stage in it
const FACE = new Set(["Liveness", "Face2Face"]);

function element(name, className, ...content) {
  const made = document.createElement(name);
  made.className = `flow-widget__${className}`;
  made.append(...content);
  return made;
}

function alarm(text) {
  const made = element("p", "error", text);
  made.setAttribute("role", "alert");
  return made;
}

/** The widget's place in the page; `show` changes all of it, `say` the instruction alone. */
class Stage {
  constructor(container, id, words) {
    Object.assign(this, { id, words, stop: () => {}, gone: false });
    this.root = element("div", "");
    this.root.className = "flow-widget";
    this.root.setAttribute("role", "group");
    this.root.setAttribute("aria-label", words.name);
    this.line = element("p", "say");
    this.line.setAttribute("role", "status");
    container.replaceChildren(this.root);
  }

  show(state, word, ...content) {
    if (this.gone) throw new Trouble("over", true);
    this.root.dataset.state = state;
    this.root.replaceChildren(...content, this.line);
    this.say(word);
  }

  say(word) {
    this.line.textContent = this.words[word] || "";
  }

  leave() {
    this.gone = true;
    this.stop();
  }
}

async function call(stage, action, body) {
  let answer, told;
  try {
    answer = await fetch(`${HOST}/flow/${encodeURIComponent(stage.id)}/${action}`, { method: "POST", body: JSON.stringify(body || {}) });
    told = await answer.json();
  } catch {
    throw new Trouble("network");
  }
  if ([404, 409, 410].includes(answer.status)) throw new Trouble("over", true);
  if (!answer.ok) throw new Trouble("broken");
  return told;
}

/** From the first screen to `finish`, which is told to the window in the very words of the server. */
async function visit(stage) {
  stage.show("loading", "loading");
  const plan = await call(stage, "begin");
  if (plan.behaviour === "no_camera_ui") return;
  if (plan.behaviour === "widget_broken") throw new Trouble("broken", true);
  const forever = plan.behaviour === "never_finishes";
  let faced = false;
  for (const technology of plan.technologies) {
    if (FACE.has(technology)) {
      if (!faced) await before(stage, { mask: "oval", words: ["straight", "turn", "still"], seconds: plan.seconds, forever });
      faced = true;
    } else if (technology === "E-Document") {
      if (!await fetchDocument(stage, plan.edocument)) break;
    } else {
      await before(stage, { mask: "card", words: ["card"], seconds: plan.seconds, forever });
    }
  }
  stage.show("sending", "sending");
  const { detail } = await call(stage, "finish");
  stage.show("done", "done");
  window.dispatchEvent(new CustomEvent("finish", { detail }));
}

async function run(stage) {
  try {
    await visit(stage);
  } catch (error) {
    stage.stop();
    if (stage.gone) return;
    const trouble = error instanceof Trouble ? error : new Trouble("broken");
    stage.show("error", "", alarm(stage.words[trouble.word]));
    if (trouble.final) return;
    const again = element("button", "button", stage.words.again);
    again.type = "button";
    again.addEventListener("click", () => run(stage));
    stage.root.append(again);
  }
}

function dress() {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}

function startSession({ id, selector, locale = "ru", session_id: other } = {}) {
  if (other !== undefined) console.warn("FlowWidget: session_id is not looked at, the session goes into id");
  if (typeof id !== "string" || !id) throw new TypeError("FlowWidget.startSession: id is expected");
  if (typeof selector !== "string" || !selector) throw new TypeError("FlowWidget.startSession: selector is expected");
  const container = document.querySelector(selector);
  if (!container) throw new Error(`FlowWidget.startSession: nothing in the page is ${selector}`);
  if (!WORDS[locale]) console.warn(`FlowWidget: locale ${locale} is unknown, ru is taken`);
  if (!container.clientHeight || !container.clientWidth) console.warn("FlowWidget: the container has no width or no height");
  if (running.has(container)) running.get(container).leave();
  const stage = new Stage(container, id, WORDS[locale] || WORDS.ru);
  running.set(container, stage);
  run(stage);
}

dress();
window.FlowWidget = { startSession };
