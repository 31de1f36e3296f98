"use strict";
document.documentElement.classList.add("js");
const press = (buttons, chosen) => {
  for (const each of buttons) each.setAttribute("aria-pressed", String(each === chosen));
};
for (const figure of document.querySelectorAll(".compare")) {
  const stage = figure.querySelector(".stage");
  const range = figure.querySelector("input[type=range]");
  const shown = stage.querySelector(".regeneration .picture");
  const caption = figure.querySelector(".shown");
  const place = () => {
    stage.style.setProperty("--cut", `${range.value}%`);
    range.setAttribute("aria-valuetext", `${range.value} % target, ${100 - range.value} % regeneration`);
  };
  range.addEventListener("input", place);
  place();
  const drag = (event) => {
    if (event.buttons !== 1 || figure.dataset.view !== "slider") return;
    const box = stage.getBoundingClientRect();
    range.value = Math.round(100 * (event.clientX - box.left) / box.width);
    place();
    event.preventDefault();
  };
  stage.addEventListener("pointerdown", drag);
  stage.addEventListener("pointermove", drag);
  const views = figure.querySelectorAll(".views button");
  for (const button of views) {
    button.addEventListener("click", () => {
      figure.dataset.view = button.dataset.view;
      press(views, button);
    });
  }
  const picks = document.querySelectorAll(`button[aria-controls="${figure.id}"]`);
  for (const button of picks) {
    button.addEventListener("click", () => {
      const other = button.closest("figure").querySelector(".picture");
      shown.replaceChildren(other.firstElementChild.cloneNode());
      for (const name of ["aria-label", "viewBox"]) shown.setAttribute(name, other.getAttribute(name));
      caption.textContent = button.dataset.caption;
      press(picks, button);
      for (const each of picks) {
        document.getElementById(each.dataset.scores).toggleAttribute("data-chosen", each === button);
      }
    });
  }
}

const copy = async (text, button) => {
  let done = false;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
  }
  button.textContent = done ? "Copied" : "Not copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
};
for (const place of document.querySelectorAll("pre, .copyable")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  const text = place.textContent;
  button.setAttribute("aria-label", `Copy ${text.slice(0, 40)}`);
  button.addEventListener("click", () => copy(text, button));
  place.after(button);
}

const zoom = document.querySelector(".zoom");
if (zoom) {
  let from = null;
  const close = () => {
    zoom.hidden = true;
    zoom.querySelector(".picture")?.remove();
    from?.focus();
  };
  zoom.addEventListener("click", close);
  addEventListener("keydown", (event) => { if (event.key === "Escape" && !zoom.hidden) close(); });
  for (const picture of document.querySelectorAll("figure > .picture")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "enlarge";
    button.setAttribute("aria-label", `Enlarge: ${picture.getAttribute("aria-label")}`);
    picture.before(button);
    button.append(picture);
    button.addEventListener("click", () => {
      from = button;
      zoom.append(picture.cloneNode(true));
      zoom.hidden = false;
      zoom.querySelector("button").focus();
    });
  }
}

const contents = document.querySelector(".contents details");
if (contents && matchMedia("(max-width: 70rem)").matches) contents.open = false;
const closed = () => document.querySelectorAll("details:not([open])");
let opened = [];
addEventListener("beforeprint", () => { opened = [...closed()]; for (const each of opened) each.open = true; });
addEventListener("afterprint", () => { for (const each of opened) each.open = false; opened = []; });
