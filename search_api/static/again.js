// While a login is checked, the page looks again by itself; without this script, reloading does the same.
const EVERY = 1500;
const told = document.querySelector(".told");

async function look() {
  try {
    const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store" });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = fresh.querySelector(".told");
    if (next && next.innerHTML !== told.innerHTML) {
      told.replaceChildren(...next.childNodes);
      document.title = fresh.title;
    }
  } catch {
    // No network for a moment: the next look may have it.
  }
  again();
}

function again() {
  if (!told.querySelector("#ring").hidden) {
    setTimeout(look, EVERY);
  }
}

again();
