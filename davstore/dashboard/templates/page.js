"use strict";
(() => {
  const every = 3000, button = document.getElementById("live");
  // Without a login that may stand in the address: nothing may be fetched with one.
  const here = location.origin + location.pathname;
  let live = true;
  button.hidden = false;
  const busy = (part) =>
    part.contains(document.activeElement) && document.activeElement !== part;
  const take = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const now = fresh.getElementById(part.id);
      if (!now || busy(part) || now.innerHTML === part.dataset.was) continue;
      const open = new Set([...part.querySelectorAll("details[open]")].map((d) => d.id));
      part.dataset.was = now.innerHTML;
      part.replaceChildren(...now.childNodes);
      for (const d of part.querySelectorAll("details")) d.open = open.has(d.id);
    }
    document.title = fresh.title;
    const clock = document.querySelector("footer time");
    clock.replaceWith(fresh.querySelector("footer time") || clock);
  };
  const poll = async () => {
    if (live && !document.hidden) {
      try {
        const answer = await fetch(here, { credentials: "same-origin" });
        if (!answer.ok) throw new Error(answer.status);
        take(await answer.text());
        button.textContent = "Live";
        button.classList.remove("lost");
      } catch {
        button.textContent = "No answer";
        button.classList.add("lost");
      }
    }
    setTimeout(poll, every);
  };
  button.addEventListener("click", () => {
    live = !live;
    button.setAttribute("aria-pressed", String(live));
    button.textContent = live ? "Live" : "Paused";
  });
  setTimeout(poll, every);
})();
