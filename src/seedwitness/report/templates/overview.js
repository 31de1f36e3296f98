"use strict";
document.documentElement.classList.add("js");
const body = document.querySelector("#rows");
const rows = [...body.children];
const search = document.querySelector("#search");
const filters = [...document.querySelectorAll("[data-filter]")];
const shown = document.querySelector("#shown");
const apply = () => {
  const wanted = filters.filter((each) => each.value).map((each) => [each.dataset.filter, each.value]);
  const words = search.value.trim().toLowerCase();
  let count = 0;
  for (const row of rows) {
    const fits = wanted.every(([name, value]) => row.dataset[name] === value)
      && (!words || `${row.dataset.target} ${row.dataset.checkpoint}`.includes(words));
    row.hidden = !fits;
    count += fits;
  }
  shown.textContent = `${count.toLocaleString("en")} of ${rows.length.toLocaleString("en")} cases`;
};
search.addEventListener("input", apply);
for (const each of filters) each.addEventListener("change", apply);

const heads = [...document.querySelectorAll("[data-sort]")];
for (const head of heads) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = head.textContent;
  head.replaceChildren(button);
  button.addEventListener("click", () => {
    const key = head.dataset.sort;
    const up = head.getAttribute("aria-sort") !== "ascending";
    const numeric = key === "p" || key === "copies";
    const compare = numeric
      ? (a, b) => a.dataset[key] - b.dataset[key]
      : (a, b) => (a.dataset[key] < b.dataset[key] ? -1 : a.dataset[key] > b.dataset[key] ? 1 : 0);
    for (const each of heads) each.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    body.append(...rows.sort((a, b) => (up ? compare(a, b) : compare(b, a))));
  });
}
