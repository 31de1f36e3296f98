"use strict";
document.documentElement.classList.add("js");
for (const figure of document.querySelectorAll(".compare")) {
  const stage = figure.querySelector(".stage");
  const range = figure.querySelector("input[type=range]");
  const shown = stage.querySelector(".regeneration img");
  const caption = figure.querySelector(".shown");
  const place = () => {
    stage.style.setProperty("--cut", `${range.value}%`);
    range.setAttribute("aria-valuetext", `${range.value} % target, ${100 - range.value} % regeneration`);
  };
  range.addEventListener("input", place);
  place();
  const drag = (event) => {
    if (event.buttons !== 1) return;
    const box = stage.getBoundingClientRect();
    range.value = Math.round(100 * (event.clientX - box.left) / box.width);
    place();
    event.preventDefault();
  };
  stage.addEventListener("pointerdown", drag);
  stage.addEventListener("pointermove", drag);
  const buttons = document.querySelectorAll(`button[aria-controls="${figure.id}"]`);
  for (const button of buttons) {
    button.addEventListener("click", () => {
      const other = button.closest("figure").querySelector("img");
      shown.src = other.src;
      shown.alt = other.alt;
      caption.textContent = button.dataset.caption;
      for (const each of buttons) each.setAttribute("aria-pressed", String(each === button));
    });
  }
}
const closed = () => document.querySelectorAll("details:not([open])");
let opened = [];
addEventListener("beforeprint", () => { opened = [...closed()]; for (const each of opened) each.open = true; });
addEventListener("afterprint", () => { for (const each of opened) each.open = false; opened = []; });
