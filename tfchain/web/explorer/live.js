// Shows the page anew when a block has come: no reload, nothing lost. Without it, everything can be read as well.
"use strict";

(() => {
  const EVERY_MS = 2000;
  const SLOW_MS = 15000;
  const said = document.getElementById("live-said");
  const button = document.getElementById("live-button");
  const wanted = document.body.dataset.live === "yes";
  let height = 0;
  let paused = false;
  let failures = 0;

  const tell = (text) => {
    if (said.textContent !== text) said.textContent = text;
  };

  // What has the focus is found again by its address, so that a keyboard loses its place to no block.
  const put = (old, fresh) => {
    if (old.innerHTML === fresh.innerHTML) return;
    const held = document.activeElement;
    const href = old.contains(held) ? held.getAttribute("href") : null;
    const place = old.contains(held) ? held.getAttribute("aria-labelledby") : null;
    if (old.contains(held) && !href && !place) return;
    old.replaceWith(document.adoptNode(fresh));
    for (const one of fresh.querySelectorAll("a[href], [tabindex]")) {
      const same = href ? one.getAttribute("href") === href : place && one.getAttribute("aria-labelledby") === place;
      if (same) {
        one.focus({ preventScroll: true });
        return;
      }
    }
  };

  const chosen = () => {
    const selection = document.getSelection();
    return selection && !selection.isCollapsed;
  };

  const renew = async () => {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok || chosen()) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const one of document.querySelectorAll("main > [id]")) {
      const other = fresh.getElementById(one.id);
      if (other) put(one, other);
    }
    const main = document.querySelector("main");
    for (const one of fresh.querySelectorAll("main > [id]")) {
      if (!document.getElementById(one.id)) main.append(document.adoptNode(one));
    }
  };

  const look = async () => {
    const answer = await fetch("/v1/web/status", { cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    const status = await answer.json();
    if (status.height !== height) {
      const first = height === 0;
      height = status.height;
      if (wanted && !paused && !first) await renew();
    }
    const behind = status.behind > 2 ? `, ${status.behind} behind` : "";
    const trouble = status.trouble ? ", no validator answers" : "";
    tell(`Block ${height.toLocaleString("en")}${behind}${trouble}`);
  };

  const turn = async () => {
    if (!document.hidden) {
      try {
        await look();
        failures = 0;
      } catch {
        failures += 1;
        if (failures > 1) tell("Nobody answers");
      }
    }
    setTimeout(turn, failures > 1 ? SLOW_MS : EVERY_MS);
  };

  const here = document.querySelector(".menu [aria-current]");
  if (here) here.scrollIntoView({ block: "nearest", inline: "center" });

  button.hidden = !wanted;
  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? "Go on" : "Pause";
  });
  document.getElementById("live").hidden = false;
  turn();
})();
