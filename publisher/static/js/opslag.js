// Progressive enhancement only: every page works without this file.
"use strict";

const openMenus = () => document.querySelectorAll("details.menu[open]");

document.addEventListener("click", (event) => {
  openMenus().forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  openMenus().forEach((menu) => { menu.open = false; menu.querySelector("summary").focus(); });
});

// A page that polls says so when its numbers have stopped being fresh.
const showConnection = (lost) => {
  const strip = document.getElementById("connection");
  if (!strip || strip.hidden !== lost) return;
  strip.hidden = !lost;
  strip.textContent = lost ? strip.dataset.lost : "";
};
["htmx:sendError", "htmx:timeout"].forEach((name) => document.addEventListener(name, () => showConnection(true)));
document.addEventListener("htmx:afterOnLoad", () => showConnection(false));

// Forms marked data-keep warn before typed words are left behind; sending or autosaving makes them clean again.
const unsaved = new Set();
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-keep]");
  if (form) unsaved.add(form);
});
["submit", "htmx:afterRequest"].forEach((name) => document.addEventListener(name, (event) => {
  const form = event.target.closest("form");
  if (name === "submit" || event.detail.successful) unsaved.delete(form);
}));
window.addEventListener("beforeunload", (event) => {
  if ([...unsaved].some((form) => form.isConnected)) event.preventDefault();
});
