"use strict";
// Lets the reader choose what the scatter shows.
(() => {
  const axes = JSON.parse(document.getElementById("axes").textContent);
  const chosen = { x: document.getElementById("scatter-x"), y: document.getElementById("scatter-y") };
  const figure = alpFigures.find((item) => item.id === "figure-scatter");

  function show() {
    for (const axis of ["x", "y"]) {
      const values = axes[chosen[axis].value];
      figure.data[0][axis] = values.map((value) => typeof value === "boolean" ? String(value) : value);
      const layout = figure.layout[axis + "axis"];
      layout.title.text = chosen[axis].value;
      layout.type = values.every((value) => value === null || typeof value === "number")
        ? "linear" : "category";
      layout.autorange = true;
    }
    alpDraw(figure);
  }

  Object.values(chosen).forEach((select) => select.addEventListener("change", show));
  show();
})();
