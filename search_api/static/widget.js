// The widget of biometric.kz: brought, started, watched, and taken away again. It is a stranger in our page.

import { hasCamera, watchCamera } from "./camera.js";

const SLOW = 6000; // the script is not there yet; it may still come
const EMPTY = 1000; // the script has come, and brought no FlowWidget
const LOOK = 100;

const brought = () => Boolean(window.FlowWidget && window.FlowWidget.startSession);

/**
 * Starts one session. `fault(name)` gets what `watchCamera` tells, and also unsupported | slow | script | start;
 * `finished()` is the widget's word that it is done, and nothing but its word. Returns what ends it all.
 */
export function startWidget({ address, id, locale, fault, finished }) {
  const area = fresh();
  let camera = null;
  let over = false;
  const tell = (name) => { if (!over) fault(name); };
  const finish = () => { if (!over) finished(); };

  async function run() {
    if (over) return;
    if (!hasCamera()) {
      tell("unsupported");
      return;
    }
    camera = watchCamera(area, tell);
    window.addEventListener("finish", finish);
    let reached = "script";
    try {
      await script(address, tell);
      if (over) return;
      reached = "start";
      camera.began();
      await window.FlowWidget.startSession({ id, selector: "#flow-widget", locale });
    } catch (_error) {
      tell(reached);
    }
  }
  Promise.resolve().then(run);

  return () => {
    over = true;
    window.removeEventListener("finish", finish);
    if (camera) camera.stop();
    fresh();
  };
}

/** An empty place for the widget: what an earlier session left in it is gone. */
function fresh() {
  const area = document.createElement("div");
  area.id = "flow-widget";
  document.getElementById("flow-widget").replaceWith(area);
  return area;
}

let bringing = null;

function script(address, tell) {
  if (brought()) return Promise.resolve();
  const slow = setTimeout(() => tell("slow"), SLOW);
  bringing = bringing || bring(address);
  return bringing.then(() => tell("")).finally(() => clearTimeout(slow));
}

function bring(address) {
  return new Promise((resolve, reject) => {
    const element = Object.assign(document.createElement("script"), { type: "module", referrerPolicy: "no-referrer" });
    const looking = setInterval(() => { if (brought()) settle(resolve); }, LOOK);
    element.addEventListener("error", () => settle(reject));
    element.addEventListener("load", () => setTimeout(() => settle(brought() ? resolve : reject), EMPTY));
    element.src = address;
    document.head.append(element);
    function settle(how) {
      clearInterval(looking);
      how();
    }
  });
}
