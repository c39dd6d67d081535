const REFUSALS = {
  NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "missing", OverconstrainedError: "missing",
  NotReadableError: "busy", AbortError: "busy",
};
const CAMERA = { video: { facingMode: "user", width: { ideal: 1280 }, height: { ideal: 720 } }, audio: false };

/** What stops a visit; `word` says it to the person, `final` offers no second try. */
class Trouble extends Error {
  constructor(word, final = false) {
    super(word);
    this.word = word;
    this.final = final;
  }
}

/** Shows the camera behind a mask and one instruction after the other, for `seconds` in all; for ever if told so. */
async function before(stage, { mask, words, seconds, forever }) {
  stage.show("permission", "allow");
  const stream = await camera();
  const ended = new Promise((_, reject) => {
    for (const track of stream.getTracks()) track.addEventListener("ended", () => reject(new Trouble("lost")));
  });
  ended.catch(() => {});
  stage.stop = () => stream.getTracks().forEach((track) => track.stop());
  try {
    const video = preview(stage, stream, mask);
    await Promise.race([video.play(), ended]);
    for (const [place, word] of words.entries()) {
      stage.say(word);
      await Promise.race([passing(stage, seconds / words.length, place / words.length, 1 / words.length), ended]);
    }
    if (forever) await ended;
  } finally {
    stage.stop();
  }
}

async function camera() {
  if (!navigator.mediaDevices || !navigator.mediaDevices.getUserMedia) throw new Trouble("unsupported");
  try {
    return await navigator.mediaDevices.getUserMedia(CAMERA);
  } catch (error) {
    throw new Trouble(REFUSALS[error.name] || "unsupported");
  }
}

function preview(stage, stream, mask) {
  const video = element("video", "video");
  Object.assign(video, { srcObject: stream, muted: true, playsInline: true, ariaLabel: stage.words.preview });
  const bar = Object.assign(element("progress", "progress"), { max: 1, value: 0, ariaLabel: stage.words.progress });
  stage.show("camera", "", video, element("div", mask), bar);
  return video;
}

/** So many seconds, seen on the bar: a share of the whole, from `from`. */
async function passing(stage, seconds, from, share) {
  const begun = performance.now();
  for (let part = 0; part < 1;) {
    await new Promise((wake) => setTimeout(wake, 40));
    part = Math.min(1, (performance.now() - begun) / 1000 / seconds);
    const bar = stage.root.querySelector("progress");
    if (bar) bar.value = from + part * share;
  }
}
