// The page's talk with our server: one event after the other, each told until it has arrived.

const PAUSES = [1, 2, 4, 8]; // seconds before the next try; the last one stays
const PATIENCE = 10; // seconds for one answer
const PASSING = new Set([0, 429, 500, 502, 503, 504]);

/** The server's no: `text` is fit to be shown. */
export class Refused extends Error {
  constructor(status, told) {
    super(String(status));
    this.status = status;
    this.text = told.errorText || "";
  }
}

/**
 * { device, busy(), tell(event, more, once) }. `notice(what)` is called with "offline" or "unwell" while nothing gets
 * through, with "" when it does again. What a person asked for (`once`) a 429 refuses; all else waits as long as it says.
 */
export function doorAt(address, notice) {
  const door = { device: "", busy: () => waiting > 0, tell };
  let waiting = 0;
  let last = Promise.resolve();
  let stands = "";

  function standing(what) {
    if (what !== stands) notice(what);
    stands = what;
  }

  function tell(event, more = {}, once = false) {
    waiting += 1;
    const told = last.then(() => untilHeard({ event, ...more }, once)).finally(() => { waiting -= 1; });
    last = told.catch(() => {});
    return told;
  }

  async function untilHeard(body, once) {
    for (let tried = 0; ; tried += 1) {
      const { status, told, after } = await sent(address, door.device ? { ...body, device: door.device } : body);
      const passes = PASSING.has(status) && !(once && status === 429);
      standing(!passes ? "" : status === 0 ? "offline" : "unwell");
      if (status === 200) {
        door.device = told.device || door.device;
        return told;
      }
      if (!passes) throw new Refused(status, told);
      await pause(Math.max(after, PAUSES[Math.min(tried, PAUSES.length - 1)]));
    }
  }
  return door;
}

/** { status, told, after: seconds }; status 0: the request or its answer got lost. */
async function sent(address, body) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), PATIENCE * 1000);
  try {
    const response = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      keepalive: true, // who leaves right after the check is done has still said so
      signal: stop.signal,
    });
    const after = Number(response.headers.get("Retry-After")) || 0;
    const told = response.ok ? await response.json() : await response.json().catch(() => ({}));
    return { status: response.status, told, after };
  } catch (_lost) {
    return { status: 0, told: {}, after: 0 };
  } finally {
    clearTimeout(timer);
  }
}

/** Waits so long, or until the phone is online again. */
function pause(seconds) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, Math.min(seconds, 60) * 1000);
    window.addEventListener("online", done);
    function done() {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      resolve();
    }
  });
}
