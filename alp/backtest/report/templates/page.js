"use strict";
// Draws the figures in the page's own colours and makes the tables sort and filter.
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const narrow = window.matchMedia("(max-width: 640px)");
  const paperWidth = { whole: 980, small: 310 };

  // "@name" stands for the page's colour of that name, in members whose name says colour.
  function themed(value, colours, key = "") {
    if (typeof value === "string") {
      return key.endsWith("color") && value.startsWith("@")
        ? colours.getPropertyValue("--" + value.slice(1)).trim() : value;
    }
    if (key === "colorscale") {
      return value.map(([place, colour]) => [place, themed(colour, colours, "color")]);
    }
    if (Array.isArray(value)) {
      return typeof value[0] === "object" && value[0] !== null
        ? value.map((item) => themed(item, colours)) : value;
    }
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([name, item]) => [name, themed(item, colours, name)]));
    }
    return value;
  }

  function draw(figure) {
    const plot = document.getElementById(figure.id);
    const colours = getComputedStyle(root);
    const layout = themed(figure.layout, colours);
    const onPaper = root.hasAttribute("data-paper");
    let height = figure.height;
    layout.font.color = colours.getPropertyValue("--ink").trim();
    if (narrow.matches) {
      layout.font.size = 11;
      layout.margin = { ...layout.margin, l: 0.87 * layout.margin.l, r: 6 };
      layout.dragmode = false;
      if (height > 300) height += 40;
    }
    if (onPaper) layout.width = paperWidth[plot.closest(".small-figures") ? "small" : "whole"];
    layout.height = height;
    plot.style.height = height + "px";
    Plotly.react(plot, themed(figure.data, colours), layout, {
      responsive: !onPaper,
      displaylogo: false,
      displayModeBar: narrow.matches ? false : "hover",
      modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    });
  }

  function drawAll() { figures.forEach(draw); }

  function sortable(table) {
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => {
      // Not a button element: browsers leave those out where a printed heading is repeated.
      const title = heading.querySelector(".title");
      title.setAttribute("role", "button");
      title.tabIndex = 0;
      title.addEventListener("click", () => sortBy(table, headings, column));
      title.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        sortBy(table, headings, column);
      });
    });
  }

  function sortBy(table, headings, column) {
    const ascending = headings[column].getAttribute("aria-sort") !== "ascending";
    headings.forEach((heading) => heading.removeAttribute("aria-sort"));
    headings[column].setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const sign = ascending ? 1 : -1;
    const rows = [...table.tBodies[0].rows].map((row) => [key(row.cells[column]), row]);
    rows.sort(([a], [b]) => sign * compare(a, b));
    table.tBodies[0].append(...rows.map(([, row]) => row));
  }

  function key(cell) {
    if (!("sort" in cell.dataset)) return cell.textContent;
    if (cell.dataset.sort === "") return -Infinity;
    const number = Number(cell.dataset.sort);
    return Number.isNaN(number) ? cell.dataset.sort : number;
  }

  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") return a === b ? 0 : a < b ? -1 : 1;
    return String(a).localeCompare(String(b), "en");
  }

  function filterable(filter) {
    const rows = document.getElementById(filter.dataset.for).tBodies[0].rows;
    const buttons = [...filter.querySelectorAll("button")];
    filter.hidden = false;
    buttons.forEach((button) => button.addEventListener("click", () => {
      buttons.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
      const group = button.dataset.group;
      for (const row of rows) row.hidden = group !== "" && row.dataset.group !== group;
    }));
  }

  window.alpFigures = figures;
  window.alpDraw = draw;
  document.querySelectorAll("table.sortable").forEach(sortable);
  document.querySelectorAll(".filter").forEach(filterable);
  drawAll();
  dark.addEventListener("change", drawAll);
  narrow.addEventListener("change", drawAll);
  window.addEventListener("beforeprint", () => { root.setAttribute("data-paper", ""); drawAll(); });
  window.addEventListener("afterprint", () => { root.removeAttribute("data-paper"); drawAll(); });
})();
