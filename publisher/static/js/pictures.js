// A picture's page: a click says what every crop keeps. The number fields say the same to the keyboard.
"use strict";

const holder = document.querySelector("[data-focal-pick]");
if (holder) {
  const picture = holder.querySelector("img");
  const [across, down] = holder.dataset.focalPick.split(" ").map((id) => document.getElementById(id));
  const mark = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  mark.setAttribute("viewBox", "0 0 32 32");
  mark.setAttribute("aria-hidden", "true");
  for (const [width, colour] of [[5, "#14171a"], [2, "#fff"]]) {
    const ring = document.createElementNS(mark.namespaceURI, "circle");
    Object.entries({ cx: 16, cy: 16, r: 11, fill: "none", stroke: colour, "stroke-width": width })
      .forEach(([name, value]) => ring.setAttribute(name, value));
    mark.append(ring);
  }
  holder.append(mark);
  const within = (value) => Math.min(100, Math.max(0, Math.round(Number(value) || 0)));
  const show = () => {
    const place = [`${within(across.value)}%`, `${within(down.value)}%`];
    [mark.style.left, mark.style.top] = place;
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
