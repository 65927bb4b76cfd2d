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

// A crop keeps what its picture's focal point names; the policy of our pages lets no markup say so.
const placeCrops = (part) => part.querySelectorAll("img[data-focal]").forEach((crop) => {
  crop.style.objectPosition = crop.dataset.focal;
});
placeCrops(document);
document.addEventListener("htmx:load", (event) => placeCrops(event.detail.elt));

// A page that polls says so when its numbers have stopped being fresh.
const showConnection = (lost) => {
  const strip = document.getElementById("connection");
  if (!strip || strip.hidden !== lost) return;
  strip.hidden = !lost;
  strip.textContent = lost ? strip.dataset.lost : "";
};
["htmx:sendError", "htmx:timeout"].forEach((name) => document.addEventListener(name, () => showConnection(true)));
document.addEventListener("htmx:afterOnLoad", (event) => showConnection(event.detail.xhr.status >= 500));

// Forms marked data-keep warn before typed words are left behind; sending or autosaving makes them clean again.
const unsaved = new Set(document.querySelectorAll('form[data-keep="typed"]'));
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-keep]");
  if (form) unsaved.add(form);
});
document.addEventListener("submit", (event) => {
  if (!event.target.hasAttribute("hx-post")) unsaved.delete(event.target);
});
window.addEventListener("beforeunload", (event) => {
  if ([...unsaved].some((form) => form.isConnected)) event.preventDefault();
});

// The composer (form[data-again]) saves as one types. What was not saved is tried again, with the button that was pressed.
const TOO_OLD = 5 * 60 * 1000;
const composer = () => document.querySelector("form[data-again]");
let press = "", pressedAt = 0, tries = 0, timer = 0, renewing = false;

const sayUnsaved = (lost) => {
  const note = document.getElementById("unsaved");
  note.hidden = !lost;
  note.querySelector("[data-press]").hidden = !press;
  if (lost) document.getElementById("saved").hidden = true;
};
const tryAgain = () => {
  clearTimeout(timer);
  // A page that slept must not send in the morning what was pressed in the evening.
  if (Date.now() - pressedAt > TOO_OLD) press = "";
  const button = press && composer().querySelector(`[name="do"][value="${CSS.escape(press)}"]`);
  if (button) composer().requestSubmit(button); else htmx.trigger(composer(), "again");
};
const failed = () => {
  renewing = false;
  tries += 1;
  sayUnsaved(true);
  clearTimeout(timer);
  timer = setTimeout(tryAgain, Math.min(2 ** tries, 30) * 1000);
};
// Errors that the answer took away or brought are told to those who cannot see them, too.
const markFields = (form) => [...form.elements].forEach((field) => {
  if (!document.getElementById(`${field.id}_slot`)) return;
  const told = ["_helptext", "_error"].map((end) => field.id + end).filter((id) => document.getElementById(id));
  field.setAttribute("aria-describedby", told.join(" "));
  field.setAttribute("aria-invalid", told.includes(`${field.id}_error`));
});
const answered = (form, status, button) => {
  if (button === press) press = "";
  if (!press) clearTimeout(timer);
  tries = 0;
  renewing = false;
  unsaved[status === 422 ? "add" : "delete"](form);
  sayUnsaved(false);
  markFields(form);
};
document.addEventListener("submit", (event) => {
  const button = event.target.matches("form[data-again]") && event.submitter ? event.submitter.value : "";
  if (button && button !== press) [press, pressedAt] = [button, Date.now()];
});
document.addEventListener("input", (event) => { if (event.target.closest("form[data-again]")) press = ""; });
document.addEventListener("htmx:afterRequest", ({ detail: { xhr: { status }, requestConfig } }) => {
  const form = composer();
  if (!form) return;
  const well = status >= 200 && status < 400;
  if (requestConfig.path === form.dataset.again) {
    // Another token than before: asked for below, or by the notice that one was signed out.
    if (status === 200) tryAgain(); else if (renewing) failed();
  } else if (requestConfig.path !== form.getAttribute("hx-post")) return;
  else if (well || status === 422) answered(form, status, requestConfig.formData.get("do") || "");
  else if (status === 401) sayUnsaved(true);
  else if (status === 403 && !renewing) {
    renewing = true;
    htmx.ajax("GET", form.dataset.again, { swap: "none" });
  } else failed();
});

// What is chosen in a menu goes into the text where the cursor was, else at its end, apart from the words beside it.
const visited = new WeakSet();
document.addEventListener("focusin", (event) => visited.add(event.target));
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-into]");
  const field = button && document.getElementById(button.dataset.into);
  if (!field) return;
  event.preventDefault();
  const { value } = field, [from, to] = [field.selectionStart, field.selectionEnd].map((at) => (visited.has(field) ? at : value.length));
  const before = /\S$/.test(value.slice(0, from)) ? " " : "", after = /^[\p{L}\p{N}]/u.test(value.slice(to)) ? " " : "";
  field.setRangeText(`${before}${button.dataset.words}${after}`, from, to, "end");
  button.closest("details").open = false;
  field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
});

// A link to a field of the composer opens the part of the page, and the story, in which it stands.
document.addEventListener("click", (event) => {
  const link = event.target.closest("form[data-again] a[href^='#']");
  const field = link && document.getElementById(link.hash.slice(1));
  if (!field) return;
  event.preventDefault();
  const pane = field.closest("[data-pane]"), story = field.closest("details");
  if (pane) composer().querySelector(`[name="pane"][value="${pane.dataset.pane}"]`).checked = true;
  if (story) story.open = true;
  field.focus({ preventScroll: true });
  field.scrollIntoView({ block: "center" });
});
