// Filters and sorts the tables of docs/results/all.md; does nothing on other pages.
const root = document.getElementById("records");

/** Shows the chosen table, and its rows that contain every word of the filter. */
function update() {
  const chosen = root.querySelector("select").value;
  const words = root.querySelector("input").value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const section of root.querySelectorAll("section")) section.hidden = section.dataset.number !== chosen;
  const rows = [...root.querySelectorAll(`section[data-number="${chosen}"] tbody tr`)];
  for (const row of rows) row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
  root.querySelector("output").textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`;
}

/** Numbers by the first number in them, other texts by alphabet. */
function compare(one, other) {
  const [first, second] = [one, other].map((text) => parseFloat(text.replaceAll(",", "").replace(/^above /, "")));
  const numeric = !Number.isNaN(first) && !Number.isNaN(second);
  return (numeric && first - second) || one.localeCompare(other);
}

/** Sorts a table by one column, the other way round on the second press; empty cells come last. */
function sort(title) {
  const body = title.closest("table").tBodies[0];
  const direction = title.ariaSort === "ascending" ? "descending" : "ascending";
  for (const other of title.parentElement.cells) other.removeAttribute("aria-sort");
  title.setAttribute("aria-sort", direction);
  const sign = direction === "ascending" ? 1 : -1;
  const text = (row) => row.cells[title.cellIndex].textContent;
  const order = (a, b) => (text(a) === "") - (text(b) === "") || sign * compare(text(a), text(b));
  body.append(...[...body.rows].sort(order));
}

if (root) {
  root.querySelector("select").addEventListener("change", update);
  root.querySelector("input").addEventListener("input", update);
  for (const title of root.querySelectorAll("th")) title.addEventListener("click", () => sort(title));
  update();
}
