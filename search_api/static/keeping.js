// What outlives a reload of this tab, and nothing beyond the tab.

/** { kept, keep() }: `kept` begins as it was left, over `blank`; keep() is false where the browser keeps nothing. */
export function keeping(name, blank) {
  let left = null;
  try {
    left = JSON.parse(sessionStorage.getItem(name));
  } catch (_closed) {
    // it begins anew
  }
  const kept = { ...blank, ...left };
  const keep = () => {
    try {
      sessionStorage.setItem(name, JSON.stringify(kept));
      return true;
    } catch (_closed) {
      return false;
    }
  };
  return { kept, keep };
}

/** 144 random bits, by which this tab is known again. */
export function secret() {
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_");
}
