// Watches the widget's camera from outside: what it asks the browser for, what it gets, and what the picture shows.

const TICK = 500;
const GRACE = 1500; // the widget may ask once more, for less; only then was it a refusal
const SILENT = 6000; // neither asked for the camera nor touched by the person
const FORM = 60000; // the same, while there is something to fill in
const UNANSWERED = 6000; // asked, and neither allowed nor refused
const NO_PICTURE = 5000;
const BLACK = 3000;
const FROZEN = 4000;
const MUTED = 2500;
const LONG = 90000;
const DARK = 10; // mean luminance, of 255
const [WIDTH, HEIGHT] = [32, 24];

const REFUSALS = {
  NotAllowedError: "denied", SecurityError: "denied", PermissionDeniedError: "denied",
  NotFoundError: "no_camera", DevicesNotFoundError: "no_camera", OverconstrainedError: "no_camera",
  NotReadableError: "busy", TrackStartError: "busy", AbortError: "busy",
  TypeError: "unsupported", NotSupportedError: "unsupported",
};

export const hasCamera = () => Boolean(navigator.mediaDevices && navigator.mediaDevices.getUserMedia);

/**
 * Call it before the widget is loaded: it puts itself before getUserMedia. `tell(fault)` is called whenever it changes:
 * denied | no_camera | busy | unsupported | silent | unanswered | black | frozen | long, or "" when all is well again.
 * { began(): the widget was started, stop(): the camera is let go and nothing is watched any more }.
 */
export function watchCamera(area, tell) {
  const devices = navigator.mediaDevices;
  const original = devices.getUserMedia;
  const streams = [];
  const probe = Object.assign(document.createElement("video"), { muted: true, playsInline: true, className: "probe" });
  probe.setAttribute("aria-hidden", "true");
  const seen = { pending: 0, asked: false, refusal: "", told: "", last: null, alive: 0, blind: false };
  const since = { began: 0, asked: 0, refused: 0, stream: 0, moved: 0, light: 0, sound: 0, tick: performance.now() };

  devices.getUserMedia = async (wanted) => {
    if (!wanted || !wanted.video) return original.call(devices, wanted);
    Object.assign(seen, { asked: true, pending: seen.pending + 1, refusal: "" });
    since.asked = performance.now();
    try {
      const stream = await original.call(devices, wanted);
      look(stream);
      return stream;
    } catch (error) {
      seen.refusal = REFUSALS[error && error.name] || "busy";
      since.refused = performance.now();
      throw error;
    } finally {
      seen.pending -= 1;
    }
  };

  function look(stream) {
    const now = performance.now();
    streams.push(stream);
    seen.refusal = "";
    seen.last = null;
    since.stream = since.moved = since.light = since.sound = now;
    since.alive = since.alive || now;
    for (const track of stream.getVideoTracks()) {
      track.addEventListener("ended", () => { // told only of a track that nobody stopped: unplugged, taken away
        seen.refusal = "busy";
        since.refused = performance.now() - GRACE;
      });
    }
    probe.srcObject = stream;
    document.body.append(probe);
    probe.play().catch((error) => { seen.blind = error.name === "NotAllowedError"; });
  }

  /** "" or what is wrong with the picture of a camera that was given. */
  function wrongPicture(now) {
    const stream = streams[streams.length - 1];
    const track = stream && stream.getVideoTracks()[0];
    if (!track || track.readyState !== "live") return ""; // the widget has let go of it
    if (!track.muted) since.sound = now;
    else if (now - since.sound >= MUTED) return "busy";
    if (seen.blind) return "";
    if (probe.readyState < 2 || !probe.videoWidth) return now - since.stream >= NO_PICTURE ? "black" : "";
    const pixels = sample(probe);
    if (!pixels) return "";
    if (luminance(pixels) >= DARK) since.light = now;
    if (!seen.last || pixels.some((value, at) => value !== seen.last[at])) since.moved = now;
    seen.last = pixels;
    if (now - since.light >= BLACK) return "black";
    return now - since.moved >= FROZEN ? "frozen" : "";
  }

  function fault(now) {
    if (seen.refusal && !seen.pending) return now - since.refused >= GRACE ? seen.refusal : seen.told;
    if (seen.pending) return now - since.asked >= UNANSWERED ? "unanswered" : "";
    const wrong = wrongPicture(now);
    if (wrong) return wrong;
    const patience = area.querySelector("input, select, textarea") ? FORM : SILENT;
    if (!seen.asked && since.began && now - since.began >= patience) return "silent";
    return since.alive && now - since.alive >= LONG ? "long" : "";
  }

  function tick() {
    const now = performance.now();
    const slept = now - since.tick > 4 * TICK;
    since.tick = now;
    if (document.hidden || slept) { // who does not look gets no pictures: nothing is held against the camera
      for (const name of ["began", "asked", "stream", "moved", "light", "sound"]) since[name] = since[name] && now;
      return;
    }
    const found = fault(now);
    if (found !== seen.told) tell(seen.told = found);
  }

  const touched = () => { since.began = since.began && performance.now(); };
  const touches = ["pointerdown", "keydown", "input"];
  for (const name of touches) area.addEventListener(name, touched);
  const timer = setInterval(tick, TICK);

  return {
    began() { since.began = performance.now(); },
    stop() {
      clearInterval(timer);
      for (const name of touches) area.removeEventListener(name, touched);
      devices.getUserMedia = original;
      for (const track of streams.flatMap((stream) => stream.getTracks())) track.stop();
      probe.srcObject = null;
      probe.remove();
    },
  };
}

const canvas = document.createElement("canvas");
Object.assign(canvas, { width: WIDTH, height: HEIGHT });
const paper = canvas.getContext("2d", { willReadFrequently: true });

/** The picture as 32 x 24 RGBA pixels; null where the browser does not show pixels to scripts. */
function sample(video) {
  try {
    paper.drawImage(video, 0, 0, WIDTH, HEIGHT);
    return paper.getImageData(0, 0, WIDTH, HEIGHT).data;
  } catch (_refused) {
    return null;
  }
}

function luminance(pixels) {
  let sum = 0;
  for (let at = 0; at < pixels.length; at += 4) {
    sum += 0.2126 * pixels[at] + 0.7152 * pixels[at + 1] + 0.0722 * pixels[at + 2];
  }
  return sum / (pixels.length / 4);
}
