"use strict";
document.documentElement.classList.add("js");
const filter = document.querySelector(".filter");
const [finding, text] = [filter.querySelector("select"), filter.querySelector("input")];
const apply = () => {
  const words = text.value.trim().toLowerCase();
  const fits = (each) =>
    (!finding.value || each.dataset.tags.split(" ").includes(finding.value)) &&
    each.dataset.target.toLowerCase().includes(words);
  let shown = 0;
  for (const each of document.querySelectorAll("[data-target]")) {
    each.hidden = !fits(each);
    if (!each.hidden && each.matches(".target")) shown += 1;
  }
  filter.querySelector("output").value = `${shown} of ${document.querySelectorAll(".target").length} targets`;
};
finding.addEventListener("change", apply);
text.addEventListener("input", apply);
apply();
const closed = () => document.querySelectorAll("details:not([open])");
let opened = [];
addEventListener("beforeprint", () => { opened = [...closed()]; for (const each of opened) each.open = true; });
addEventListener("afterprint", () => { for (const each of opened) each.open = false; opened = []; });
