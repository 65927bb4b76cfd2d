// A picture's page: a click says what every crop keeps. The number fields say the same to the keyboard.
"use strict";

const holder = document.querySelector("[data-focal-pick]");
if (holder) {
  const picture = holder.querySelector("img");
  const [across, down] = holder.dataset.focalPick.split(" ").map((id) => document.getElementById(id));
  const mark = holder.querySelector("svg");
  const within = (value) => Math.min(100, Math.max(0, Math.round(Number(value) || 0)));
  const show = () => {
    const place = [`${within(across.value)}%`, `${within(down.value)}%`];
    [mark.style.left, mark.style.top] = place;
    mark.removeAttribute("hidden");
    document.querySelectorAll("[data-focal-live]").forEach((crop) => { crop.style.objectPosition = place.join(" "); });
  };
  holder.addEventListener("click", (event) => {
    const box = picture.getBoundingClientRect();
    across.value = within(((event.clientX - box.left) / box.width) * 100);
    down.value = within(((event.clientY - box.top) / box.height) * 100);
    across.dispatchEvent(new Event("input", { bubbles: true }));
  });
  [across, down].forEach((field) => field.addEventListener("input", show));
  show();
}
